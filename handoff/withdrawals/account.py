"""How far a withdrawal is: which copies are purged, which remain and why, and what it still waits for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy.orm import Session

from handoff.contract.withdrawal import CopyEntry, RemainingCopy
from handoff.database.tables import Copy, Withdrawal
from handoff.withdrawals.copies import PURGED, REMAINS
from handoff.withdrawals.kinds import KINDS, digest_of_package
from handoff.withdrawals.mark import ASKED
from handoff.withdrawals.scope import batches_of, copies_of, running_of, shared_packages

HOLDER_SECONDS = 7 * 86_400.0
"""How long a home that has copies, and does not purge them, is waited for."""
SHARED = "shared"
"""Why a package stays whose bytes are also those of a shipment that was not withdrawn."""


@dataclass(frozen=True, slots=True)
class Account:
    """The copies of a withdrawal now."""

    purged: tuple[CopyEntry, ...]
    remains: tuple[RemainingCopy, ...]
    waiting: tuple[Copy, ...]
    """Those that are still to be purged."""
    running: tuple[str, ...]
    """Handoffs that have not ended."""
    marking: bool
    """Whether shipments that were asked for are still to be marked."""

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """What keeps it from its end, in words."""
        held = sorted({f"holder {copy.holder}" for copy in self.waiting if copy.kind == "run" and copy.holder})
        others = any(copy.kind != "run" for copy in self.waiting)
        return (
            *(["shipments"] if self.marking else []),
            *(["runs"] if self.running else []),
            *(["copies"] if others else []),
            *held,
        )


def account(session: Session, withdrawal: Withdrawal, now: float) -> Account:
    """Look at every copy that a withdrawal reaches."""
    copies = copies_of(session, withdrawal.id)
    marking = ASKED in withdrawal.certificate
    running = running_of(session, batches_of(session, withdrawal.id))
    shared = shared_packages(session, copies)
    purged: list[CopyEntry] = []
    remains: list[RemainingCopy] = []
    waiting: list[Copy] = []
    for copy in copies:
        reason = _stays(copy, shared, withdrawal, now)
        if reason is not None:
            remains.append(_remaining(copy, reason))
        elif copy.state == PURGED:
            purged.append(CopyEntry.model_validate(_facts(copy)))
        else:
            waiting.append(copy)
    return Account(tuple(purged), tuple(remains), tuple(waiting), tuple(sorted(row.id for row in running)), marking)


def _stays(copy: Copy, shared: set[int], withdrawal: Withdrawal, now: float) -> str | None:
    """Why nothing more will be done about a copy, as a code; None where it is purged or will be."""
    if copy.state == PURGED:
        return None
    if copy.state == REMAINS:
        return copy.reason or "not-removable"
    if copy.id in shared:
        return SHARED
    if copy.kind == "run" and now > withdrawal.asked_at + HOLDER_SECONDS:
        return "holder-away"
    return KINDS[copy.kind].stays  # type: ignore[index]


def _remaining(copy: Copy, reason: str) -> RemainingCopy:
    ends = None if copy.expires_at is None else day_of(copy.expires_at)
    return RemainingCopy.model_validate({**_facts(copy), "reason": reason, "holder": copy.holder, "expires_on": ends})


def day_of(at: float) -> date:
    """The day of a time, UTC."""
    return datetime.fromtimestamp(at, UTC).date()


def _facts(copy: Copy) -> dict[str, str | None]:
    return {
        "kind": copy.kind,
        "name": _name(copy),
        "shipment": copy.shipment_id,
        "batch": copy.batch_id,
        "handoff": copy.handoff_id,
    }


def _name(copy: Copy) -> str:
    """What a copy is of, without where it is."""
    match copy.kind:
        case "package":
            return digest_of_package(copy.uri)
        case "batch" | "prepared" if copy.batch_id is not None:
            return copy.batch_id
        case "result" | "run" if copy.handoff_id is not None:
            return copy.handoff_id
        case _:
            return copy.uri.partition(":")[2]


def counted(entries: Sequence[CopyEntry]) -> dict[str, int]:
    """How many of each kind."""
    kinds = sorted({entry.kind for entry in entries})
    return {kind: sum(entry.kind == kind for entry in entries) for kind in kinds}
