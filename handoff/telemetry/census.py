"""Counts of tables that grow without end: taken now and then, never by a scrape that somebody waits for."""

import threading
import time

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from handoff.database.engine import Database
from handoff.database.tables import EvidenceMessage, Instance, LabelDocument, Shipment, Study, Table

log = structlog.get_logger("handoff.telemetry")
LARGE: dict[str, type[Table]] = {
    "shipments": Shipment,
    "evidence": EvidenceMessage,
    "labels": LabelDocument,
    "instances": Instance,
}
_PERIOD_SECONDS = 30.0
_SHARE = 100
"""Counting may take one part in so many of the time."""


class Census:
    """The last counts. The first scrape waits for them; later ones get the last and at most cause the next."""

    def __init__(self, database: Database, period_seconds: float = _PERIOD_SECONDS) -> None:
        self._database = database
        self._period = period_seconds
        self._turn = threading.Lock()
        self._due_at = 0.0
        self.rows: dict[str, int] = {}
        self.studies: dict[str, int] = {}

    def look(self) -> None:
        """Have counts; begin to count anew where they are old.

        Raises:
            SQLAlchemyError: the database does not answer the first count.
        """
        if self._due_at == 0.0:
            with self._turn:
                if self._due_at == 0.0:
                    self.take()
        elif time.monotonic() >= self._due_at and self._turn.acquire(blocking=False):
            threading.Thread(target=self._take_quietly, name="census", daemon=True).start()

    def take(self) -> None:
        """Count now."""
        began = time.monotonic()
        with self._database.read() as session:
            self.rows = {name: _count(session, table) for name, table in LARGE.items()}
            found = session.execute(select(Study.state, func.count()).group_by(Study.state))
            self.studies = {state: count for state, count in found}  # noqa: C416 - dict() has no type for rows
        ended = time.monotonic()
        self._due_at = ended + max(self._period, _SHARE * (ended - began))

    def _take_quietly(self) -> None:
        try:
            self.take()
        except SQLAlchemyError as error:
            log.warning("census-failed", cause=type(error).__name__)
        finally:
            self._turn.release()


def _count(session: Session, table: type[Table]) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0
