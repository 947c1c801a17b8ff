"""Announces sealed deliveries, and evidence of ended associations, as FlowFiles without content."""

from typing import TYPE_CHECKING

from nifiapi.flowfilesource import FlowFileSource, FlowFileSourceResult
from nifiapi.properties import PropertyDescriptor, StandardValidators, ValidationResult

if TYPE_CHECKING:
    from processors.delivery.doors import Listener


class ListenDICOM(FlowFileSource):  # type: ignore[misc]  # NiFi's base class has no types
    """The shell around `processors.delivery.announce`."""

    class Java:
        """What NiFi sees."""

        implements = ["org.apache.nifi.python.processor.FlowFileSource"]

    class ProcessorDetails:
        """Literals only: NiFi reads them without importing."""

        version = "0.1.0"
        description = (
            "Announces each delivery that the receiver sealed in the landing as one FlowFile without content, and "
            "announces it again until every destination confirmed it. Schedule it at 0 sec: it blocks while idle."
        )
        tags = ["DICOM", "receive", "landing", "Sluice"]

    TRUSTED_HOME = PropertyDescriptor(
        name="Trusted Home",
        description="Folder of the trusted zone: sluice.yaml, landing, ledger, vault.",
        required=True,
        validators=[StandardValidators.NON_EMPTY_VALIDATOR],
    )

    def __init__(self, **kwargs: object) -> None:
        self._listener: Listener | None = None
        self._home = ""

    def getPropertyDescriptors(self) -> list[PropertyDescriptor]:
        """The properties on the canvas; those of the receiver are data."""
        from processors.delivery.receiver_properties import PROPERTIES

        return [self.TRUSTED_HOME, *(PropertyDescriptor(**facts) for facts in PROPERTIES)]

    def customValidate(self, context) -> list[ValidationResult]:  # type: ignore[no-untyped-def]  # NiFi's context
        """Invalid while another announcer, or receiver, holds the landing; the explanation names it."""
        from processors.delivery.doors import why_not_listen

        home = context.getProperty("Trusted Home").getValue()
        why = why_not_listen(home, lambda name: context.getProperty(name).getValue())
        return [ValidationResult(subject="Trusted Home", explanation=why)] if why else []

    def onScheduled(self, context) -> None:  # type: ignore[no-untyped-def]  # NiFi's context
        """Keep one listener for the life of this process, and one receiver if it is to be embedded."""
        from processors.delivery.doors import listener, receive

        self._home = context.getProperty("Trusted Home").getValue()
        self._listener = listener(self._home)
        receive(self._home, lambda name: context.getProperty(name).getValue(), self.logger)

    def create(self, context) -> FlowFileSourceResult | None:  # type: ignore[no-untyped-def]  # NiFi's context
        """The next announcement, or None after waiting for at most a second."""
        attributes = self._listener.next() if self._listener else None
        return FlowFileSourceResult(relationship="success", attributes=attributes) if attributes else None

    def onStopped(self, context) -> None:  # type: ignore[no-untyped-def]  # NiFi's context
        """Let others have the landing."""
        from processors.delivery.doors import stop_receiving

        if self._listener:
            stop_receiving(self._home)
            self._listener.close()
