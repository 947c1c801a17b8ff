"""A person's word on values that nobody approved yet: on exactly those that were shown, and in the audit record."""

from collections.abc import Sequence

from handoff.contract.canonical import canonical_digest
from processors.audit.chain import Chain
from processors.inventory.books import Books, Seen
from processors.inventory.errors import NotWhatWasSeenError

APPROVED = "inventory-approved"


def unapproved(seen: Sequence[Seen]) -> list[Seen]:
    """What nobody approved."""
    return [each for each in seen if not each.approved]


def digest_of(seen: Sequence[Seen]) -> str:
    """What stands for these values when somebody approves them, hex."""
    return canonical_digest(sorted([each.tag, each.value] for each in seen))


def approve(books: Books, chain: Chain, project: str, digest: str, *, by: str, now: float) -> int:
    """Approve what was shown under this digest; returns how many values that are. The record is written first.

    Raises:
        NotWhatWasSeenError: other values are waiting now.
        AuditUnwritableError: the word cannot be recorded, so nothing is approved.
    """
    waiting = unapproved(books.values(project))
    if digest_of(waiting) != digest:
        raise NotWhatWasSeenError
    chain.append([{"kind": "decision", "what": APPROVED, "digest": digest, "values": len(waiting), "by": by}], now)
    books.approve(project, waiting, now)
    return len(waiting)
