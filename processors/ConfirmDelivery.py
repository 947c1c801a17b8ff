"""Believes the handoff's answer only with a signed receipt for exactly what was sent."""

from nifiapi.flowfiletransform import FlowFileTransform, FlowFileTransformResult
from nifiapi.properties import PropertyDescriptor, StandardValidators
from nifiapi.relationship import Relationship


class ConfirmDelivery(FlowFileTransform):  # type: ignore[misc]  # NiFi's base class has no types
    """The shell around `processors.delivery.confirm`."""

    class Java:
        """What NiFi sees."""

        implements = ["org.apache.nifi.python.processor.FlowFileTransform"]

    class ProcessorDetails:
        """Literals only: NiFi reads them without importing."""

        version = "0.1.0"
        description = (
            "Reads invokehttp.status.code and the receipt of an Original FlowFile of InvokeHTTP. A receipt whose id, "
            "SHA-256, size and Ed25519 signature hold confirms the shipment; anything else confirms nothing."
        )
        tags = ["DICOM", "receipt", "deliver", "Sluice"]

    TRUSTED_HOME = PropertyDescriptor(
        name="Trusted Home",
        description="Folder of the trusted zone: sluice.yaml, landing, ledger.",
        required=True,
        validators=[StandardValidators.NON_EMPTY_VALIDATOR],
    )
    RECEIPT_PUBLIC_KEY = PropertyDescriptor(
        name="Receipt Public Key",
        description="The handoff's Ed25519 public key: 32 raw bytes in base64.",
        required=True,
        validators=[StandardValidators.NON_EMPTY_VALIDATOR],
    )

    def __init__(self, **kwargs: object) -> None:
        pass

    def getPropertyDescriptors(self) -> list[PropertyDescriptor]:
        """The properties on the canvas."""
        return [self.TRUSTED_HOME, self.RECEIPT_PUBLIC_KEY]

    def getRelationships(self) -> list[Relationship]:
        """The ways out beside failure and original, which NiFi adds."""
        return [
            Relationship(name="success", description="Confirmed by a signed receipt."),
            Relationship(name="rejected", description="Refused by the handoff, withdrawn, or a receipt that is wrong."),
            Relationship(name="retry", description="No answer that decides; to be sent again."),
            Relationship(name="superseded", description="A later announcement of the same delivery is on its way."),
        ]

    def transform(self, context, flowfile) -> FlowFileTransformResult:  # type: ignore[no-untyped-def]  # NiFi's types
        """Judge the answer; the door never raises."""
        from processors.delivery.alarm import alarm
        from processors.delivery.doors import confirm

        home, key = (context.getProperty(name).getValue() for name in ("Trusted Home", "Receipt Public Key"))
        outcome = confirm(home, key, flowfile)
        alarm(self.logger, outcome)
        return FlowFileTransformResult(outcome.relationship, attributes=outcome.attributes)
