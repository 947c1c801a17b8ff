"""Who changed what, and who was refused: written down before the answer leaves, and only ever appended.

Rows that wait while others are being committed are committed together, so that many changes cost few commits.
"""

import asyncio
import re
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from handoff.access.principal import Principal
from handoff.database.engine import Database
from handoff.database.tables import AuditRecord

NOBODY = "-"
"""The principal and role of a request that nobody known made."""
_MOST_AT_ONCE = 500
_ROW = insert(AuditRecord.__table__)
_PLAIN = re.compile(r"[A-Za-z0-9._:/-]{1,160}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Act:
    """Something that was asked for, and what came of it.

    Attributes:
        action: The name of the route or command.
        subject: Ids of a closed shape; never content of the request.
        status: As HTTP has it.
        code: Of the problem, if there was one.
    """

    who: Principal | None
    action: str
    subject: str
    status: int
    code: str | None = None

    def row(self) -> dict[str, Any]:
        """The values of the row that says so."""
        return {
            "at": time.time(),
            "principal": self.who.name[:128] if self.who else NOBODY,
            "role": self.who.role if self.who else NOBODY,
            "action": self.action[:64],
            "subject": self.subject if _PLAIN.fullmatch(self.subject) else NOBODY,
            "status": self.status,
            "code": None if self.code is None else self.code[:64],
        }


class AuditTrail:
    """Appends acts of one process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[tuple[dict[str, Any], asyncio.Future[None]]] = []
        self._writer: asyncio.Task[None] | None = None

    async def append(self, act: Act) -> None:
        """Return once the act is durable.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: it could not be written.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((act.row(), done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
            try:
                await run_in_threadpool(self._commit, [row for row, _ in taken])
            except Exception as error:  # noqa: BLE001 - whatever it was, each of those who wait is told
                for _, done in taken:
                    if not done.done():
                        done.set_exception(error)
            else:
                for _, done in taken:
                    if not done.done():
                        done.set_result(None)

    def _commit(self, rows: list[dict[str, Any]]) -> None:
        with self._database.write() as session:
            session.connection().execute(_ROW, rows)


def note_act(session: Session, act: Act) -> None:
    """Append an act in the transaction that makes the change."""
    session.connection().execute(_ROW, act.row())
