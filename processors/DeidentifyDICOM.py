"""Makes a shipment's package: every instance de-identified by worker processes, or withheld whole."""

from nifiapi.flowfiletransform import FlowFileTransform, FlowFileTransformResult
from nifiapi.properties import PropertyDescriptor, StandardValidators
from nifiapi.relationship import Relationship


class DeidentifyDICOM(FlowFileTransform):  # type: ignore[misc]  # NiFi's base class has no types
    """The shell around `processors.delivery.treat`."""

    class Java:
        """What NiFi sees."""

        implements = ["org.apache.nifi.python.processor.FlowFileTransform"]

    class ProcessorDetails:
        """Literals only: NiFi reads them without importing."""

        version = "0.1.0"
        description = (
            "De-identifies the instances of one shipment by path, in worker processes, and leaves the package's path, "
            "SHA-256 and size as attributes. Content of the FlowFile is neither read nor written."
        )
        tags = ["DICOM", "de-identification", "PS3.15", "Sluice"]

    TRUSTED_HOME = PropertyDescriptor(
        name="Trusted Home",
        description="Folder of the trusted zone: sluice.yaml, landing, ledger, vault, keys.",
        required=True,
        validators=[StandardValidators.NON_EMPTY_VALIDATOR],
    )
    WORKERS = PropertyDescriptor(
        name="Workers",
        description="Worker processes of this processor; give it at least as many concurrent tasks.",
        required=True,
        default_value="2",
        validators=[StandardValidators.POSITIVE_INTEGER_VALIDATOR],
    )

    def __init__(self, **kwargs: object) -> None:
        pass

    def getPropertyDescriptors(self) -> list[PropertyDescriptor]:
        """The properties on the canvas."""
        return [self.TRUSTED_HOME, self.WORKERS]

    def getRelationships(self) -> list[Relationship]:
        """The ways out beside failure and original, which NiFi adds."""
        return [
            Relationship(name="success", description="A package is ready; some instances may have been withheld."),
            Relationship(name="quarantine", description="Every instance was withheld; there is no package."),
            Relationship(name="superseded", description="A later announcement of the same delivery is on its way."),
        ]

    def transform(self, context, flowfile) -> FlowFileTransformResult:  # type: ignore[no-untyped-def]  # NiFi's types
        """Treat; the door never raises."""
        from processors.delivery.alarm import alarm
        from processors.delivery.doors import deidentify

        home, workers = (context.getProperty(name).getValue() for name in ("Trusted Home", "Workers"))
        outcome = deidentify(home, workers, flowfile)
        alarm(self.logger, outcome)
        return FlowFileTransformResult(outcome.relationship, attributes=outcome.attributes)
