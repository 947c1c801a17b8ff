"""Puts an object of a result back on the patient and study that its images came from, or holds it."""

from nifiapi.flowfiletransform import FlowFileTransform, FlowFileTransformResult
from nifiapi.properties import PropertyDescriptor, StandardValidators
from nifiapi.relationship import Relationship


class ReidentifyDICOM(FlowFileTransform):  # type: ignore[misc]  # NiFi's base class has no types
    """The shell around `processors.results.station`."""

    class Java:
        """What NiFi sees."""

        implements = ["org.apache.nifi.python.processor.FlowFileTransform"]

    class ProcessorDetails:
        """Literals only: NiFi reads them without importing."""

        version = "0.1.0"
        description = (
            "Takes an object that lies in the inbox, resolves every reference to the one original study that this site "
            "delivered to that run, and writes the re-identified object into the landing. What does not fit is held "
            "in the ledger. The content of the FlowFile becomes the acknowledgement for the handoff: codes only."
        )
        tags = ["DICOM", "re-identification", "SEG", "Sluice"]

    TRUSTED_HOME = PropertyDescriptor(
        name="Trusted Home",
        description="Folder of the trusted zone: sluice.yaml, landing, ledger, vault, keys.",
        required=True,
        validators=[StandardValidators.NON_EMPTY_VALIDATOR],
    )
    INBOX = PropertyDescriptor(
        name="Inbox",
        description="Folder into which PutFile wrote what was fetched.",
        required=True,
        validators=[StandardValidators.NON_EMPTY_VALIDATOR],
    )

    def __init__(self, **kwargs: object) -> None:
        pass

    def getPropertyDescriptors(self) -> list[PropertyDescriptor]:
        """The properties on the canvas."""
        return [self.TRUSTED_HOME, self.INBOX]

    def getRelationships(self) -> list[Relationship]:
        """The ways out beside failure and original, which NiFi adds."""
        return [
            Relationship(name="success", description="Re-identified, pinned in the ledger, and to be sent."),
            Relationship(name="held", description="Must not go back as it is; it waits in the ledger for a person."),
            Relationship(name="retry", description="The object is not in the inbox yet."),
            Relationship(name="superseded", description="Known already; only to be acknowledged again."),
        ]

    def transform(self, context, flowfile) -> FlowFileTransformResult:  # type: ignore[no-untyped-def]  # NiFi's types
        """Re-identify; the door never raises."""
        from processors.delivery.alarm import alarm
        from processors.delivery.doors import reidentify

        home, inbox = (context.getProperty(name).getValue() for name in ("Trusted Home", "Inbox"))
        outcome = reidentify(home, inbox, flowfile)
        alarm(self.logger, outcome)
        return FlowFileTransformResult(outcome.relationship, attributes=outcome.attributes, contents=outcome.contents)
