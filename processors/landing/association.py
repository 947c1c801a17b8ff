"""What one association brings: its parts, its open deliveries (one a series), its duplicates and refusals.

The association's own thread stores and ends; the idle watch may seal in between. One lock per association keeps them
apart, so an association never waits for another, except to learn whether both are sending the very same instance.
"""

import contextlib
import os
import shutil
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Final, Protocol

from processors.landing import journal
from processors.landing.delivery import ReceivedInstance, SealReason
from processors.landing.durable import failed_syncs, sync_folder
from processors.landing.filling import Filling, new_id
from processors.landing.journal import (
    AssociationFacts,
    AssociationLine,
    DuplicateInstance,
    OpenedDelivery,
    RefusedObject,
)
from processors.landing.known import Claim, KnownInstances
from processors.landing.layout import Layout
from processors.landing.slots import Slots
from processors.landing.who_sent import told
from processors.ledger.associations import Ending
from processors.ledger.refusals import Refusals

MOST_DUPLICATES_HELD: Final = 512
"""Of one association in memory; beyond that they are given to the books, as a delivery is."""
MOST_REFUSALS_TOLD: Final = 1000
"""In the journal of one association, where they have a line each; all are counted."""
MAXIMUM_OPEN_DELIVERIES: Final = 32
"""Of one association; a series beyond that seals the one that has waited longest (reason "switch")."""


@dataclass(frozen=True, slots=True, repr=False)
class ArrivedInstance:
    """An object whose part file is whole. PHI: it has no revealing repr."""

    part: Path | str
    """A path that `new_part` has given. Its head says who sent it."""
    sop_instance_uid: str
    sop_class_uid: str
    study_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str
    digest: str
    size: int
    header: dict[str, str]
    descriptor: int = -1
    """Of the part file, through which it will be synced; -1 if it has been."""

    def __repr__(self) -> str:
        return "ArrivedInstance(…)"


class Books(Protocol):
    """Where an association reports to; both return at once, so that no C-STORE waits for a database."""

    def seal(self, filling: Filling, reason: SealReason, at: float, claims: list[Claim]) -> None:
        """A delivery takes no more; from now on it is the books' to seal and to enter."""

    def came_again(self, facts: AssociationFacts, duplicates: list[DuplicateInstance]) -> None:
        """These were here already; from now on they are the books' to enter."""

    def ended(self, association: "OpenAssociation", ending: Ending) -> None:
        """The association has ended; all its deliveries and duplicates have been given to the books before."""


@dataclass(slots=True)
class _Open:
    filling: Filling
    claims: list[Claim] = field(default_factory=list)


class OpenAssociation:
    """One association from its acceptance to its end, as far as the landing is concerned."""

    def __init__(
        self,
        layout: Layout,
        facts: AssociationFacts,
        known: KnownInstances,
        books: Books,
        slots: Slots,
        *,
        clock: Callable[[], float],
        elapsed: Callable[[], float] | None = None,
        began: Callable[[Filling], object] | None = None,
    ) -> None:
        """Begin.

        Args:
            layout: The landing.
            facts: Who sends.
            known: Shared by all associations.
            books: Where seals and the end are reported to.
            slots: Where the parts are; shared by all associations.
            clock: Unix seconds.
            elapsed: Seconds since any moment, which no setting of the clock changes; `clock` when None.
            began: Told of each delivery before its first instance; what it raises keeps that one out.
        """
        self.facts = facts
        self.again: Counter[str] = Counter()
        """Instances that were here already, by study."""
        self.refusals = Refusals()
        self.kept_count = 0
        self.delivery_count = 0
        self._layout = layout
        self._known = known
        self._books = books
        self._clock = clock
        self._lock = Lock()
        self._open: OrderedDict[tuple[str, str], _Open] = OrderedDict()
        self._elapsed = elapsed or clock
        self._began = began
        self._last_heard = self._elapsed()
        self._latest: Filling | None = None
        self._slots = slots
        self._journal = layout.journal_of(facts.id)
        self._has_journal = self._journal_is_durable = False
        self._left_parts: list[Path | str] = []
        self._duplicates: list[DuplicateInstance] = []
        """Those that the books were not given yet."""
        self._ended = False

    def heard(self) -> None:
        """Bytes have come in on this association."""
        self._last_heard = self._elapsed()

    @cached_property
    def who_sent(self) -> bytes:
        """What the head of each file says besides."""
        return told(self.facts)

    def new_part(self) -> str:
        """The path of an empty file for the next part, whose name is durable.

        Raises:
            OSError: the disk does not take another.
        """
        return self._slots.take()

    def discard(self, part: Path | str) -> None:
        """A part is not needed; one that the disk will not let go is tried again at the association's end."""
        try:
            os.unlink(part)  # noqa: PTH108 - a name of ours
        except FileNotFoundError:
            pass
        except OSError:
            self._left_parts.append(part)

    def store(self, arrived: ArrivedInstance) -> None:
        """Make an instance durable, or note that it is here already; when this returns, Success may be said.

        Raises:
            OSError: the disk did not take it; nothing of it is kept.
        """
        claim = self._known.claim(arrived.sop_instance_uid, arrived.digest, self.facts.called_ae)
        with self._lock:
            if claim.is_duplicate:
                self._note_duplicate(arrived, claim)
                return
            try:
                self._keep(arrived, claim)
            except BaseException:
                self._known.drop(claim)
                raise

    def refuse(self, status: int, reason: str) -> None:
        """Note a refusal; a crash may forget it, for refusals are counted apart."""
        refusal = RefusedObject(at=self._clock(), status=status, reason=reason)
        with self._lock:
            self.refusals.add(refusal)
            if len(self.refusals) > MOST_REFUSALS_TOLD:
                return
            with contextlib.suppress(OSError):  # very likely there is no space, which is what is being noted
                self._begin_journal(durable=False)
                journal.append(self._journal, AssociationLine(refusal=refusal), durable=False)

    def idle_at(self) -> float | None:
        """Since when nothing has been heard, in seconds of `elapsed`; None if no delivery is open."""
        return self._last_heard if self._open else None

    def seal_if_idle(self, seconds: float) -> None:
        """Seal all open deliveries if no byte has come for `seconds`."""
        with self._lock:
            if self._elapsed() - self._last_heard >= seconds:
                self._seal_all("idle")

    def end(self, ending: Ending) -> None:
        """Seal what is open and report the end; called once, after the last `store`."""
        with self._lock:
            if self._ended:
                return
            self._ended = True
            left, self._left_parts = self._left_parts, []
            for part in left:
                self.discard(part)
            self._seal_all("release" if ending == "released" else "abort")
            self._give_duplicates()
            self._books.ended(self, ending)

    def _begin_journal(self, *, durable: bool) -> None:
        """Make the association's journal, if it has none: most never need one while they are open."""
        folder = self._journal.parent
        if not self._has_journal:
            self._failed_before = failed_syncs(folder.parent)
            folder.mkdir(mode=0o700, exist_ok=True)
            journal.append(self._journal, AssociationLine(association=self.facts), durable=durable)
            self._has_journal = True
        if durable and not self._journal_is_durable:
            try:
                sync_folder(folder)
                sync_folder(folder.parent, self._failed_before)
            except OSError:  # a later sync would not bring these names back: the next one begins anew
                shutil.rmtree(folder, ignore_errors=True)
                self._has_journal = False
                raise
            self._journal_is_durable = True

    def _note_duplicate(self, arrived: ArrivedInstance, claim: Claim) -> None:
        duplicate = DuplicateInstance(
            sop_instance_uid=arrived.sop_instance_uid,
            sop_class_uid=arrived.sop_class_uid,
            study_instance_uid=arrived.study_instance_uid,
            series_instance_uid=arrived.series_instance_uid,
            revision=claim.revision,
            digest=arrived.digest,
            size=arrived.size,
            received_at=self._clock(),
        )
        self._begin_journal(durable=True)
        journal.append(self._journal, AssociationLine(duplicate=duplicate))
        self.discard(arrived.part)
        self.again[arrived.study_instance_uid] += 1
        self._duplicates.append(duplicate)
        if len(self._duplicates) >= MOST_DUPLICATES_HELD:
            self._give_duplicates()

    def _give_duplicates(self) -> None:
        given, self._duplicates = self._duplicates, []
        if given:
            self._books.came_again(self.facts, given)

    def _keep(self, arrived: ArrivedInstance, claim: Claim) -> None:
        now = self._clock()
        series = (arrived.study_instance_uid, arrived.series_instance_uid)
        there = self._open.get(series)
        if there and (reason := there.filling.seal_before(arrived.sop_instance_uid, arrived.size)):
            self._seal(series, reason)
        target = self._open.get(series) or self._begin(series, now)
        if self._latest is not target.filling:  # files are held open for one delivery at a time
            if self._latest is not None:
                self._latest.rest()
            self._latest = target.filling
        try:
            target.filling.keep(
                arrived.part,
                ReceivedInstance(
                    file=target.filling.next_file(),
                    sop_instance_uid=arrived.sop_instance_uid,
                    sop_class_uid=arrived.sop_class_uid,
                    transfer_syntax_uid=arrived.transfer_syntax_uid,
                    revision=claim.revision,
                    digest=arrived.digest,
                    size=arrived.size,
                    header=arrived.header,
                ),
                now,
                arrived.descriptor,
            )
        except OSError:
            self._seal(series, "fault")  # a sync that failed may have lost more than a later one brings back
            raise
        self._known.keep(claim)
        target.claims.append(claim)
        self.kept_count += 1
        self._open.move_to_end(series)
        if reason := target.filling.seal_after():
            self._seal(series, reason)

    def _begin(self, series: tuple[str, str], now: float) -> _Open:
        if len(self._open) >= MAXIMUM_OPEN_DELIVERIES:
            self._seal(next(iter(self._open)), "switch")
        opened = OpenedDelivery(
            id=new_id(),
            association_id=self.facts.id,
            called_ae=self.facts.called_ae,
            calling_ae=self.facts.calling_ae,
            study_instance_uid=series[0],
            series_instance_uid=series[1],
            opened_at=now,
            sender=self.facts.sender,
            project_hint=self.facts.project_hint,
            hold=self.facts.hold,
            peer=self.facts.peer,
        )
        self._open[series] = _Open(Filling.begin(self._layout.deliveries, opened))
        if self._began is not None:
            self._began(self._open[series].filling)
        return self._open[series]

    def _seal_all(self, reason: SealReason) -> None:
        for series in list(self._open):
            self._seal(series, reason)

    def _seal(self, series: tuple[str, str], reason: SealReason) -> None:
        entry = self._open.pop(series)
        if self._latest is entry.filling:
            self._latest = None
        entry.filling.rest()  # it may wait long for the ledger
        self.delivery_count += 1
        self._books.seal(entry.filling, reason, self._clock(), entry.claims)
