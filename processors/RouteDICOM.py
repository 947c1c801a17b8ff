"""Decides by the site's rules where a delivery goes: a list of shipments, or evidence of an association."""

from nifiapi.flowfiletransform import FlowFileTransform, FlowFileTransformResult
from nifiapi.properties import PropertyDescriptor, StandardValidators
from nifiapi.relationship import Relationship


class RouteDICOM(FlowFileTransform):  # type: ignore[misc]  # NiFi's base class has no types
    """The shell around `processors.delivery.route`."""

    class Java:
        """What NiFi sees."""

        implements = ["org.apache.nifi.python.processor.FlowFileTransform"]

    class ProcessorDetails:
        """Literals only: NiFi reads them without importing."""

        version = "0.1.0"
        description = (
            "Takes an announced delivery, decides its shipments by the rules in the trusted home, pins them, and "
            "returns them as a JSON array without patient data; SplitJson makes one FlowFile of each."
        )
        tags = ["DICOM", "route", "rules", "Sluice"]

    TRUSTED_HOME = PropertyDescriptor(
        name="Trusted Home",
        description="Folder of the trusted zone: sluice.yaml, landing, ledger, vault, rules.",
        required=True,
        validators=[StandardValidators.NON_EMPTY_VALIDATOR],
    )
    FLOW_RELEASE = PropertyDescriptor(
        name="Flow Release",
        description="Digest of the deployed flows and NAR; pinned with every decision.",
        required=True,
        validators=[StandardValidators.NON_EMPTY_VALIDATOR],
    )

    def __init__(self, **kwargs: object) -> None:
        pass

    def getPropertyDescriptors(self) -> list[PropertyDescriptor]:
        """The properties on the canvas."""
        return [self.TRUSTED_HOME, self.FLOW_RELEASE]

    def getRelationships(self) -> list[Relationship]:
        """The ways out beside failure and original, which NiFi adds."""
        return [
            Relationship(name="success", description="Shipments, or evidence messages, as a JSON array."),
            Relationship(name="parked", description="Waits in the ledger: no rule matched, or a person must decide."),
            Relationship(name="superseded", description="A later announcement of the same delivery is on its way."),
        ]

    def transform(self, context, flowfile) -> FlowFileTransformResult:  # type: ignore[no-untyped-def]  # NiFi's types
        """Decide; the door never raises."""
        from processors.delivery.alarm import alarm
        from processors.delivery.doors import route

        home, release = (context.getProperty(name).getValue() for name in ("Trusted Home", "Flow Release"))
        outcome = route(home, release, flowfile)
        alarm(self.logger, outcome)
        return FlowFileTransformResult(outcome.relationship, attributes=outcome.attributes, contents=outcome.contents)
