"""Stores an object at a peer by C-STORE, as it is, and reads the status of each answer."""

from nifiapi.flowfiletransform import FlowFileTransform, FlowFileTransformResult
from nifiapi.properties import PropertyDescriptor, StandardValidators
from nifiapi.relationship import Relationship


class SendDICOM(FlowFileTransform):  # type: ignore[misc]  # NiFi's base class has no types
    """The shell around `processors.results.send`."""

    class Java:
        """What NiFi sees."""

        implements = ["org.apache.nifi.python.processor.FlowFileTransform"]

    class ProcessorDetails:
        """Literals only: NiFi reads them without importing."""

        version = "0.1.0"
        description = (
            "Stores the object that a FlowFile refers to at the peer that it is for (peers.yaml), never re-encoded, "
            "and again until the peer has it. Content of the FlowFile is neither read nor written."
        )
        tags = ["DICOM", "C-STORE", "PACS", "Sluice"]

    TRUSTED_HOME = PropertyDescriptor(
        name="Trusted Home",
        description="Folder of the trusted zone: sluice.yaml, peers.yaml, landing, ledger.",
        required=True,
        validators=[StandardValidators.NON_EMPTY_VALIDATOR],
    )

    def __init__(self, **kwargs: object) -> None:
        pass

    def getPropertyDescriptors(self) -> list[PropertyDescriptor]:
        """The properties on the canvas."""
        return [self.TRUSTED_HOME]

    def getRelationships(self) -> list[Relationship]:
        """The ways out beside failure and original, which NiFi adds."""
        return [
            Relationship(name="success", description="The peer has it."),
            Relationship(name="rejected", description="The peer will not have it; parked for a person."),
            Relationship(name="superseded", description="A later announcement is on its way, or it was sent already."),
        ]

    def transform(self, context, flowfile) -> FlowFileTransformResult:  # type: ignore[no-untyped-def]  # NiFi's types
        """Send; the door never raises."""
        from processors.delivery.alarm import alarm
        from processors.delivery.doors import send

        outcome = send(context.getProperty("Trusted Home").getValue(), flowfile)
        alarm(self.logger, outcome)
        return FlowFileTransformResult(outcome.relationship, attributes=outcome.attributes)
