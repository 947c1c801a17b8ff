"""Workers say now and then that they work, so that /readyz can tell a target without a worker."""

import time
from collections.abc import Iterable
from importlib.metadata import version
from typing import Literal

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from handoff.database.dialect import insert_if_absent
from handoff.database.engine import Database
from handoff.database.tables import WorkerPulse

EVERY_SECONDS = 10.0
LATE_SECONDS = 45.0
"""Longer than the longest call to an engine usually takes, in which a worker says nothing."""
_FORGOTTEN_SECONDS = 24 * 3600.0

Working = Literal["ok", "late", "none"]


class Pulse:
    """The pulse of one worker."""

    def __init__(self, database: Database, worker: str, target: str) -> None:
        self._database = database
        self._worker = worker
        self._target = target
        self._due_at = 0.0

    def beat(self) -> None:
        """Say so, if the last time was long ago; forget who has said nothing for a day."""
        if time.monotonic() < self._due_at:
            return
        now = time.time()
        facts = {"worker": self._worker, "target": self._target, "version": version("dicom-sluice")}
        with self._database.write() as session:
            insert_if_absent(session, WorkerPulse, {**facts, "started_at": now, "seen_at": now})
            session.get_one(WorkerPulse, self._worker).seen_at = now
            session.execute(delete(WorkerPulse).where(WorkerPulse.seen_at < now - _FORGOTTEN_SECONDS))
        self._due_at = time.monotonic() + EVERY_SECONDS

    def end(self) -> None:
        """Say that it ends on purpose."""
        with self._database.write() as session:
            session.execute(delete(WorkerPulse).where(WorkerPulse.worker == self._worker))


def working(session: Session, targets: Iterable[str], now: float) -> dict[str, Working]:
    """Of each target whether a worker said so lately, long ago, or none did for a day."""
    newest = select(WorkerPulse.target, func.max(WorkerPulse.seen_at)).group_by(WorkerPulse.target)
    seen = {target: at for target, at in session.execute(newest)}  # noqa: C416 - dict() has no type for rows
    return {target: _state(seen.get(target), now) for target in sorted(targets)}


def _state(seen_at: float | None, now: float) -> Working:
    if seen_at is None:
        return "none"
    return "ok" if now - seen_at < LATE_SECONDS else "late"
