"""Figures of evaluations become signals, so that a rule `metric` hears of them as of any figure in production.

The log of lineage is followed from its beginning at each start, and a signal's id is made of the evaluation and the
metric: however often one is seen, and whoever else sees it, it is taken once.
"""

import hashlib
from dataclasses import dataclass

import structlog
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.database.engine import Database
from handoff.database.tables import Handoff, LineageEvent
from handoff.errors import ConflictError
from handoff.rules.signals import take_signal
from handoff.schemas.rules import SignalRequest
from handoff.settings import Settings

log = structlog.get_logger("handoff.rules")
_AT_ONCE = 100


@dataclass(slots=True)
class Measured:
    """How far this process has followed the log."""

    database: Database
    settings: Settings
    _place: int = 0

    def note(self, now: float) -> None:
        """Take the figures of evaluations that ended since the last look."""
        told = LineageEvent.event == "model-evaluated"
        chosen = select(LineageEvent.id, LineageEvent.facts).where(LineageEvent.id > self._place, told)
        newest = select(LineageEvent.id).order_by(LineageEvent.id.desc()).limit(1)
        with self.database.read() as session:
            # First: what is appended after this has a higher id, and is looked at the next time.
            end = session.scalar(newest) or 0
            if end == self._place:
                return
            events = session.execute(chosen.order_by(LineageEvent.id).limit(_AT_ONCE)).all()
        for identifier, facts in events:
            with self.database.write() as session:
                self._take(session, facts["handoff"], now)
            self._place = identifier
        if len(events) < _AT_ONCE:
            self._place = max(self._place, end)

    def _take(self, session: Session, handoff_id: str, now: float) -> None:
        handoff = session.get_one(Handoff, handoff_id)
        for metric, value in sorted(handoff.metrics.items()):
            identifier = hashlib.sha256(f"sluice.evaluation/1\n{handoff.key}\n{metric}".encode()).hexdigest()[:32]
            said = {"id": identifier, "project": handoff.project, "kind": "metric", "name": metric, "value": value}
            try:
                signal = SignalRequest.model_validate({**said, "model": handoff.model_id})
            except ValidationError:
                continue  # no rule can name such a metric
            try:
                take_signal(session, self.settings, signal, f"handoff:{handoff.id}", now)
            except ConflictError as error:
                log.warning("figure-not-heard", handoff_id=handoff.id, signal=identifier, code=error.code)
