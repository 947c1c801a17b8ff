"""When the receiver has to refuse for a while, and when that is over: disk, descriptors, backlog, the ledger.

Algorithm:
    1. A thread measures each resource every so often; a store that fails for lack of one has it measured at once.
    2. Beyond its limit there is pressure. It is over when the resource is better than the limit by a part of it
       (`relief`) and the pressure has lasted for a while (`hold`): so it neither flickers nor floods the log.
    3. Each change is one line in the log, one trouble for the doctor, and a gauge.
While there is pressure each object is answered A700 before anything is opened for it; of kinds that an association
itself makes worse, new associations are rejected, for the moment (temporary congestion, PS3.8 table 9-21).
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from processors.dicom import status
from processors.dicom.event_log import EventLog
from processors.dicom.status import Refusal
from processors.limits import in_words

DISK: Final = "disk"
DESCRIPTORS: Final = "descriptors"
BACKLOG_BYTES: Final = "backlog-bytes"
BACKLOG_OBJECTS: Final = "backlog-objects"
BACKLOG_DELIVERIES: Final = "backlog-deliveries"
LEDGER_QUEUE: Final = "ledger-queue"
LEDGER: Final = "ledger"
REJECTS: Final = frozenset({DESCRIPTORS, LEDGER, LEDGER_QUEUE})
"""Kinds for which new associations are rejected: each would take another descriptor or two, or rows that wait."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that can run short."""

    kind: str
    limit: float
    unit: str
    """`B` or `count`."""
    measure: Callable[[], float | None]
    """How much there is now; None when that cannot be told, which changes nothing."""
    is_floor: bool
    """Whether little of it is bad (free disk), not much of it (a backlog)."""
    every: int = 1
    """Measured at each so manieth look."""

    def is_over(self, value: float) -> bool:
        """Whether this is beyond the limit."""
        return value < self.limit if self.is_floor else value > self.limit

    def is_relieved(self, value: float, relief: float) -> bool:
        """Whether this is better than the limit by that part of it."""
        return value >= self.limit * (1 + relief) if self.is_floor else value <= self.limit * (1 - relief)


class Strain(Protocol):
    """What a store asks and tells."""

    def refusal(self) -> Refusal | None:
        """Why no object can be taken now; None if one can. At once, any thread."""

    def doubt(self, kind: str, *, is_certain: bool = False) -> None:
        """A store has failed for lack of this; `is_certain` when the system itself said so. Any thread."""


class NoStrain:
    """Nothing ever runs short: for those who look after that themselves."""

    def refusal(self) -> Refusal | None:
        """None."""
        return None

    def doubt(self, kind: str, *, is_certain: bool = False) -> None:
        """Nothing."""


class Pressure:
    """The states of all resources."""

    def __init__(
        self,
        resources: Sequence[Resource],
        *,
        relief: float,
        hold_seconds: float,
        log: EventLog,
        tell: Callable[[str, str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin without pressure; `watch` or `look` finds it.

        Args:
            resources: What to measure.
            relief: Part of a limit by which it must be better before pressure is over.
            hold_seconds: Shortest time that pressure lasts.
            log: Gets a line for each change.
            tell: Told a cause of `processors.dicom.causes` and its detail at each change.
            clock: Monotonic seconds.
        """
        self._resources = {resource.kind: resource for resource in resources}
        self._relief, self._hold = relief, hold_seconds
        self._log, self._tell, self._clock = log, tell, clock
        self._lock = threading.Lock()
        self._since: dict[str, float] = {}
        self._refusal: Refusal | None = None
        self._looks = 0
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """All that is measured."""
        return tuple(self._resources)

    @property
    def states(self) -> tuple[str, ...]:
        """Where there is pressure now."""
        return tuple(self._since)

    def is_on(self, kind: str) -> bool:
        """Whether there is pressure of this kind now."""
        return kind in self._since

    def refusal(self) -> Refusal | None:
        """Why no object can be taken now."""
        return self._refusal

    def congestion(self) -> str | None:
        """For which kind new associations are rejected now; None if they are not."""
        return next((kind for kind in self.states if kind in REJECTS), None)

    def doubt(self, kind: str, *, is_certain: bool = False) -> None:
        """A store has failed for lack of this: there is pressure, unless by now there is clearly enough."""
        resource = self._resources.get(kind)
        if resource is None or kind in self._since:
            return
        value = self._measured(resource)
        with self._lock:
            if is_certain or (value is not None and not resource.is_relieved(value, self._relief)):
                self._begin(resource, value)

    def look(self) -> None:
        """Measure everything that is due."""
        due = [each for each in self._resources.values() if self._looks % each.every == 0]
        self._looks += 1
        for resource in due:
            value = self._measured(resource)
            if value is None:
                continue
            with self._lock:
                if resource.kind not in self._since:
                    if resource.is_over(value):
                        self._begin(resource, value)
                elif resource.is_relieved(value, self._relief):
                    self._end(resource, value)

    def watch(self, every_seconds: float) -> None:
        """Look now, and then in a thread of its own until `close`."""
        self.look()
        self._thread = threading.Thread(target=self._run, args=(every_seconds,), name="pressure", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self, every_seconds: float) -> None:
        while not self._closing.wait(every_seconds):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - the outermost loop of this thread
                self._log.fault("pressure-fault", error)

    def _measured(self, resource: Resource) -> float | None:
        """How much there is; a measure that fails is told, and is none."""
        try:
            return resource.measure()
        except OSError as error:
            self._log.fault("pressure-fault", error)
            return None

    def _begin(self, resource: Resource, value: float | None) -> None:
        if resource.kind in self._since:
            return
        self._since = {**self._since, resource.kind: self._clock()}
        self._changed(resource, "on", value, None)
        self._tell(f"pressure-{resource.kind}", in_words(resource.limit, resource.unit))

    def _end(self, resource: Resource, value: float) -> None:
        lasted = self._clock() - self._since[resource.kind]
        if lasted < self._hold:
            return
        self._since = {kind: since for kind, since in self._since.items() if kind != resource.kind}
        self._changed(resource, "off", value, round(lasted, 1))
        self._tell("pressure-over", resource.kind)

    def _changed(self, resource: Resource, state: str, value: float | None, seconds: float | None) -> None:
        self._refusal = status.under_pressure(next(iter(self._since))) if self._since else None
        self._log.write(
            "pressure", kind=resource.kind, state=state, value=value, limit=resource.limit, lasted_seconds=seconds
        )
