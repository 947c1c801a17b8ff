"""Refused tokens: the first one is recorded, and those that follow within an hour are counted.

Whoever can reach the page or a command could else fill the disk with records that are never removed. The count is told
by the next record, at the latest when somebody signs in. Nobody is locked out: a token has 256 random bits, so there is
nothing to slow down, and whoever has a right one goes on.
"""

import fcntl
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from handoff.contract.canonical import canonical_json
from processors.audit.chain import Chain, locked
from processors.landing.durable import write_whole

SECONDS: Final = 3600.0
"""So long further refusals are only counted."""


class _Counted(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    since: float
    untold: NonNegativeInt


class Refusals:
    """Of one trusted home, whichever process refuses."""

    def __init__(self, file: Path, chain: Chain) -> None:
        self._file, self._chain = file, chain

    def note(self, now: float, **facts: bool) -> None:
        """A token was refused.

        Raises:
            AuditUnwritableError: it is to be recorded, and cannot be.
        """
        with locked(self._file.parent, fcntl.LOCK_EX):
            counted = self._read()
            if counted is not None and 0 <= now - counted.since < SECONDS:
                self._write(_Counted(since=counted.since, untold=counted.untold + 1))
                return
            self._record(1 + (counted.untold if counted else 0), now, facts)
            self._write(_Counted(since=now, untold=0))

    def tell(self, now: float) -> None:
        """Record what was only counted so far.

        Raises:
            AuditUnwritableError: it cannot be recorded.
        """
        if not self._file.is_file():
            return
        with locked(self._file.parent, fcntl.LOCK_EX):
            counted = self._read()
            if counted is not None and counted.untold:
                self._record(counted.untold, now, {})
                self._write(_Counted(since=counted.since, untold=0))

    def _record(self, count: int, now: float, facts: dict[str, bool]) -> None:
        self._chain.append([{"kind": "sign-in", "what": "refused", "count": count, **facts}], now)

    def _read(self) -> _Counted | None:
        try:
            return _Counted.model_validate_json(self._file.read_bytes())
        except (OSError, ValidationError):
            return None

    def _write(self, counted: _Counted) -> None:
        write_whole(self._file, canonical_json(counted.model_dump()))
