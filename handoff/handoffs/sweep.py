"""Search an engine for runs that it started besides the one of their handoff, end those, and say so.

A repeat after an ambiguous answer waits for the engine to settle, so a duplicate means that the engine needed longer
than that, or that somebody else started a run under our key. Whatever the cause, one run stays:

1. Lists the target's runs since a while before the last sweep; a run names its handoff and its key.
2. A handoff is suspect if several runs name it, if one is not the recorded one, or if it ended without any.
3. Of a suspect all runs are listed; the recorded one stays, else the oldest. A handoff that is still being sent is
   left to who sends it.
4. Each other run is recorded once, with an event and a log line, and ended; those that did not end yet are ended again.
   That is decided on the locked handoff: one that a person retries meanwhile takes over a run that is there.
"""

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from sqlalchemy import select

from handoff.backends.interface import Backend, BackendError, EngineRun, ListsRuns, RunPhase
from handoff.database.engine import Database
from handoff.database.tables import DuplicateRun, Handoff
from handoff.handoffs.states import ENDED, State, note

log = structlog.get_logger("handoff.sweep")
DUPLICATE = "duplicate-run"
"""The event of a handoff for which the engine had a second run."""
_FIRST_SECONDS = 7 * 86_400.0
_LEAST_OVERLAP_SECONDS = 600.0
_AT_ONCE = 100


class Swept(Backend, ListsRuns, Protocol):
    """An engine whose runs can be listed."""


@dataclass(slots=True)
class Sweep:
    """What sweeping needs; one per worker."""

    database: Database
    target: str
    backend: Swept
    _since: float | None = None
    _strangers: set[str] = field(default_factory=set)

    @property
    def seconds(self) -> float:
        """Seconds between two sweeps."""
        return self.backend.sweep_seconds

    def sweep(self) -> None:
        """Take one look at everything that is new since the last one."""
        started = time.time()
        with self.database.read() as session:
            projects = session.scalars(
                select(Handoff.project).where(Handoff.target == self.target).distinct().order_by(Handoff.project)
            ).all()
        found: dict[str, list[EngineRun]] = defaultdict(list)
        for run in self.backend.runs(projects, self._since or started - _FIRST_SECONDS):  # (1)
            found[run.handoff].append(run)
        for handoff_id, runs in found.items():
            self._judge(handoff_id, runs)
        self._end_open()
        self._since = started - max(_LEAST_OVERLAP_SECONDS, 4 * self.backend.settle_seconds)

    def _judge(self, handoff_id: str, runs: list[EngineRun]) -> None:
        with self.database.read() as session:
            handoff = session.get(Handoff, handoff_id)
        if handoff is None:
            self._strange(runs)
            return
        if handoff.state == State.SUBMITTING or not _suspect(handoff, runs):  # (2), (3)
            return
        group = self.backend.runs_of(handoff.key, handoff_id)
        kept = _kept(handoff, group)
        for run in group:
            if run.reference != kept:
                self._record(handoff_id, run, group, kept)

    def _strange(self, runs: list[EngineRun]) -> None:
        """Runs of a handoff that this database does not know: said once, and left alone."""
        for run in runs:
            if run.reference not in self._strangers:
                self._strangers.add(run.reference)
                log.warning("run-of-unknown-handoff", target=self.target, reference=run.reference)

    def _record(self, handoff_id: str, run: EngineRun, group: list[EngineRun], kept: str | None) -> None:
        """Step (4): the first to write it down is the one who says it."""
        with self.database.write() as session:
            handoff = session.get_one(Handoff, handoff_id, with_for_update=True)
            if handoff.state == State.SUBMITTING or _kept(handoff, group) != kept:
                return
            known = select(DuplicateRun.id).where(
                DuplicateRun.target == self.target, DuplicateRun.reference == run.reference
            )
            if session.scalar(known) is not None:
                return
            session.add(
                DuplicateRun(
                    handoff_id=handoff_id,
                    target=self.target,
                    reference=run.reference,
                    kept=kept,
                    found_at=time.time(),
                )
            )
            note(session, handoff, DUPLICATE)
        log.error("duplicate-run", target=self.target, handoff_id=handoff_id, reference=run.reference, kept=kept)

    def _end_open(self) -> None:
        with self.database.read() as session:
            chosen = select(DuplicateRun).where(DuplicateRun.target == self.target, DuplicateRun.ended_at.is_(None))
            waiting = session.scalars(chosen.order_by(DuplicateRun.id).limit(_AT_ONCE)).all()
        for row in waiting:
            try:
                self.backend.cancel(row.reference)
                over = self.backend.status(row.reference).phase not in {RunPhase.WAITING, RunPhase.RUNNING}
            except BackendError as error:  # the others are ended all the same, and this one with the next sweep
                log.warning("duplicate-goes-on", target=self.target, reference=row.reference, code=error.code)
                continue
            if over:
                with self.database.write() as session:
                    session.get_one(DuplicateRun, row.id).ended_at = time.time()


def _suspect(handoff: Handoff, runs: list[EngineRun]) -> bool:
    ours = [run for run in runs if run.key == handoff.key]
    if handoff.reference is None:
        return bool(ours)
    return any(run.reference != handoff.reference for run in ours)


def _kept(handoff: Handoff, group: list[EngineRun]) -> str | None:
    """The recorded run, else the oldest; none where the handoff ended without one, for nobody would follow it."""
    if handoff.reference is not None:
        return handoff.reference
    if State(handoff.state) in ENDED or not group:
        return None
    return group[0].reference
