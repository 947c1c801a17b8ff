"""What is removed after its days, and the thread that does it.

- Of a local run that ended: its artifacts and whatever else its folder holds, then its log too. The folder itself and
  what says that it was claimed and how it ended stay, so that nothing can start it twice. Results are no part of it.
- Records of what was asked for and by whom, answers that were kept for a repeat, and sessions that ended.
"""

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import structlog
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import CursorResult, delete, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import InstrumentedAttribute

from handoff.database.engine import Database
from handoff.database.tables import AuditRecord, Handoff, IdempotentRequest, LoginSecret, LoginSession, Table
from handoff.home import ResearchHome

log = structlog.get_logger("handoff.retention")
DAY = 86_400.0
_PERIOD_SECONDS = 3600.0
_AT_ONCE = 1000
"""Rows that one transaction removes, which keeps it short."""
_STAYS = frozenset({"run.json", "started.json", "ended.json"})
_LOG = "log.txt"


class Retention(BaseModel):
    """How long things are kept, in days; None means for ever."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_days: float | None = Field(30, ge=0, description="Folders of local runs after their end, but for their logs.")
    log_days: float | None = Field(365, ge=0, description="Logs of local runs after their end.")
    audit_days: float | None = Field(None, ge=0, description="Records of who asked for what.")
    request_days: float | None = Field(7, ge=1, description="Answers that a repeat of an Idempotency-Key gets.")


@dataclass(frozen=True, slots=True)
class Removed:
    """What one round removed."""

    runs: int
    logs: int
    rows: int


def remove_old(database: Database, home: ResearchHome, retention: Retention, now: float) -> Removed:
    """Remove what is older than its days; safe to repeat, and to be killed."""
    runs = _runs(database, home, now, retention.run_days, _without_log)
    logs = _runs(database, home, now, retention.log_days, _log)
    rows = 0
    for table, column, days in (
        (AuditRecord, AuditRecord.at, retention.audit_days),
        (IdempotentRequest, IdempotentRequest.at, retention.request_days),
        (LoginSession, LoginSession.expires_at, 1.0),
        (LoginSecret, LoginSecret.expires_at, 1.0),
    ):
        if days is not None:
            rows += _rows(database, table, column, now - days * DAY)
    return Removed(runs, logs, rows)


def _runs(
    database: Database, home: ResearchHome, now: float, days: float | None, old: Callable[[Path], list[Path]]
) -> int:
    if days is None:
        return 0
    removed = 0
    for folder, things in _with(home.runs, old):
        with database.read() as session:
            ended = session.scalar(select(Handoff.ended_at).where(Handoff.key == folder.name))
        if ended is None or ended > now - days * DAY:
            continue
        for thing in things:
            if thing.is_dir() and not thing.is_symlink():
                shutil.rmtree(thing, ignore_errors=True)
            else:
                thing.unlink(missing_ok=True)
        removed += 1
    return removed


def _with(runs: Path, old: Callable[[Path], list[Path]]) -> Iterator[tuple[Path, list[Path]]]:
    """Folders of runs that have something to remove."""
    for folder in runs.iterdir() if runs.is_dir() else ():
        if folder.is_dir() and not folder.name.startswith(".") and (things := old(folder)):
            yield folder, things


def _without_log(folder: Path) -> list[Path]:
    return [item for item in folder.iterdir() if item.name not in _STAYS and item.name != _LOG]


def _log(folder: Path) -> list[Path]:
    return [item for item in folder.iterdir() if item.name == _LOG]


def _rows(database: Database, table: type[Table], column: InstrumentedAttribute[float], before: float) -> int:
    """Remove the oldest rows, some at a time."""
    removed = 0
    while True:
        with database.write() as session:
            old = select(column).where(column < before).order_by(column)
            until = session.scalar(old.offset(_AT_ONCE).limit(1))
            last = column < before if until is None else column <= until
            gone = session.execute(delete(table).where(last))
            removed += cast("CursorResult[Any]", gone).rowcount
        if until is None:
            return removed


class Remover(threading.Thread):
    """Removes what is old, at the start and every hour; every replica may."""

    def __init__(self, database: Database, home: ResearchHome, retention: Retention) -> None:
        super().__init__(name="retention", daemon=True)
        self._database = database
        self._home = home
        self._retention = retention
        self._stopping = threading.Event()

    def run(self) -> None:
        """The loop; what fails is tried again in an hour."""
        pause = 5.0
        while not self._stopping.wait(pause):
            pause = _PERIOD_SECONDS
            try:
                removed = remove_old(self._database, self._home, self._retention, time.time())
            except (SQLAlchemyError, OSError) as error:
                log.warning("retention-failed", cause=type(error).__name__)
            except Exception:  # the outermost loop: a bug here must not end it
                log.exception("retention-failed")
            else:
                if removed != Removed(0, 0, 0):
                    log.info("removed", runs=removed.runs, logs=removed.logs, rows=removed.rows)

    def stop(self) -> None:
        """End the loop and wait for its last transaction."""
        self._stopping.set()
        if self.is_alive():
            self.join(timeout=10)
