"""Two people's word on values that nobody approved yet: on exactly those that were shown, and in the audit record.

The first word is kept in a file, which only says on which day it stands in the record: a word that is not in the record
counts nothing, so nobody becomes two people by writing a file.
"""

import fcntl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from handoff.contract.canonical import canonical_digest, canonical_json
from processors.audit.chain import Chain, locked
from processors.audit.reading import records
from processors.inventory.books import Books, Seen
from processors.inventory.errors import NotWhatWasSeenError, SamePersonError
from processors.landing.durable import write_whole

ASKED, APPROVED = "inventory-asked", "inventory-approved"


class _First(BaseModel):
    """The first person's word."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str
    by: str


@dataclass(frozen=True, slots=True)
class Word:
    """What a person's word came to: the first of two, or the second one, by which the values are approved."""

    which: Literal["first", "second"]
    values: int


@dataclass(frozen=True, slots=True)
class Desk:
    """Where words about a project's values are kept."""

    books: Books
    chain: Chain
    audit: Path
    """Folder of all chains."""
    home: Path
    """The trusted home."""
    project: str

    @property
    def file(self) -> Path:
        """The first person's word."""
        return self.home / f"inventory-{self.project}.json"


def unapproved(seen: Sequence[Seen]) -> list[Seen]:
    """What nobody approved."""
    return [each for each in seen if not each.approved]


def digest_of(seen: Sequence[Seen]) -> str:
    """What stands for these values when somebody approves them, hex."""
    return canonical_digest(sorted([each.tag, each.value] for each in seen))


def approve(desk: Desk, digest: str, *, by: str, now: float) -> Word:
    """Give one person's word on what was shown under this digest; the record is written first.

    Raises:
        NotWhatWasSeenError: other values are waiting now.
        SamePersonError: the first word was this person's.
        AuditUnwritableError: the word cannot be recorded, so nothing is approved.
    """
    with locked(desk.home, fcntl.LOCK_EX):
        waiting = unapproved(desk.books.values(desk.project))
        if digest_of(waiting) != digest:
            raise NotWhatWasSeenError
        first = _first(desk, digest)
        if first is None:
            _record(desk, ASKED, digest, len(waiting), by, now)
            write_whole(desk.file, canonical_json(_First(digest=digest, by=by).model_dump()))
            return Word("first", len(waiting))
        if first.by == by:
            raise SamePersonError
        _record(desk, APPROVED, digest, len(waiting), by, now, asked_by=first.by)
        desk.books.approve(desk.project, waiting, now)
        desk.file.unlink(missing_ok=True)
        return Word("second", len(waiting))


def _first(desk: Desk, digest: str) -> _First | None:
    """The first person's word on these values; None if there is none, or none that is in the record."""
    try:
        said = _First.model_validate_json(desk.file.read_bytes())
    except (OSError, ValidationError):
        return None
    about = {"kind": "decision", "what": ASKED, "digest": digest, "by": said.by}
    recorded = said.digest == digest and any(True for _ in records(desk.audit, desk.project, **about))
    return said if recorded else None


def _record(desk: Desk, what: str, digest: str, values: int, by: str, now: float, **more: str) -> None:  # noqa: PLR0917
    said = {"kind": "decision", "what": what, "digest": digest, "values": values, "by": by, **more}
    desk.chain.append([said], now)
