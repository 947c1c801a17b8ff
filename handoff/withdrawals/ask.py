"""Ask for a withdrawal: the tombstone. Its transactions are short however much it is of; the purging comes after.

1. The id is the digest of project and shipments: the same request again is the same withdrawal.
2. No shipment may be another project's; one that never arrived may be named, and will be refused when it comes.
3. The list is written down whole, before anything of it is done: what a kill leaves is gone on with (`mark`), by the
   next request for it or by the service.
4. All shipments are marked before there is an answer. Their studies get their next version at once; of very many the
   rest soon after.
5. A withdrawal that ended with copies that could not be purged tries them again when it is asked for again.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from handoff.contract.canonical import canonical_digest
from handoff.database.engine import Database
from handoff.database.tables import Copy, Shipment, Withdrawal
from handoff.errors import NotFoundError
from handoff.schemas.withdrawals import WithdrawalRequest
from handoff.withdrawals.copies import PRESENT, REMAINS
from handoff.withdrawals.gate import AT_ONCE, hold_alone, in_parts
from handoff.withdrawals.mark import ASKED, mark_shipments, shrink_studies
from handoff.withdrawals.scope import copies_of

_PATIENCE_SECONDS = 10.0
"""How long an answer waits for the next versions of studies."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The withdrawal, and whether this request made it."""

    id: str
    created: bool


def withdrawal_id(project: str, shipments: Sequence[str]) -> str:
    """The id of a withdrawal, whatever the order of its shipments."""
    content = {"schema": "sluice.withdrawal/1", "project": project, "shipments": sorted(set(shipments))}
    return canonical_digest(content)[:32]


def withdraw(database: Database, request: WithdrawalRequest, asked_by: str) -> Asked:
    """Withdraw shipments for ever; from the commit on nothing new is made of them.

    Raises:
        NotFoundError: a shipment is of another project.
    """
    identifier = withdrawal_id(request.project, request.shipments)  # (1)
    with database.read() as session:
        known = session.get(Withdrawal, identifier)
        if known is None:
            _require_own(session, request)  # (2)
    if known is None:
        facts = {"project": request.project, "reason": request.reason, "asked_by": asked_by, "state": "purging"}
        asked = {ASKED: sorted(set(request.shipments))}  # (3)
        with database.write() as session:
            hold_alone(session)
            known = session.get(Withdrawal, identifier)
            if known is None:
                session.add(Withdrawal(id=identifier, asked_at=time.time(), certificate=asked, **facts))
    if known is not None and known.state == REMAINS:
        _try_again(database, identifier)  # (5)
    mark_shipments(database, identifier)  # (4)
    shrink_studies(database, identifier, _PATIENCE_SECONDS)
    return Asked(identifier, created=known is None)


def _require_own(session: Session, request: WithdrawalRequest) -> None:
    for part in in_parts(request.shipments):
        others = select(Shipment.id).where(Shipment.id.in_(part), Shipment.project != request.project)
        if session.scalar(others.limit(1)) is not None:
            raise NotFoundError("A shipment is none of this project.")


def _try_again(database: Database, identifier: str) -> None:
    """The copies first, so that nobody ends the withdrawal again before they are tried."""
    with database.read() as session:
        left = [copy.id for copy in copies_of(session, identifier) if copy.state == REMAINS]
    for start in range(0, len(left), AT_ONCE):
        remaining = Copy.id.in_(left[start : start + AT_ONCE]), Copy.state == REMAINS
        with database.write() as session:
            session.execute(update(Copy).where(*remaining).values(state=PRESENT, reason=None, ended_at=None))
    with database.write() as session:
        row = session.get_one(Withdrawal, identifier, with_for_update=True)
        if row.state == REMAINS:
            row.state, row.ended_at = "purging", None
