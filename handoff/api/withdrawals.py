"""POST a withdrawal, see how far it is, GET its certificate."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from sqlalchemy import select
from sqlalchemy.orm import defer

from handoff.api.cursor import newest_cursor, older_than
from handoff.api.dependencies import After, Limit, ServiceDep, WhoDep, allowed
from handoff.api.problems import problems
from handoff.contract.identifiers import ProjectName, RandomId
from handoff.contract.withdrawal import SignedCertificate
from handoff.database.tables import Withdrawal
from handoff.errors import NotFoundError
from handoff.schemas.page import Page
from handoff.schemas.withdrawals import WithdrawalItem, WithdrawalRequest, WithdrawalView
from handoff.withdrawals.ask import withdraw
from handoff.withdrawals.certificate import certificate_of
from handoff.withdrawals.show import show_items, show_withdrawal

router = APIRouter(tags=["withdrawals"])


@router.post(
    "/v1/withdrawals",
    status_code=201,
    dependencies=allowed("operate"),
    responses={200: {"model": WithdrawalView, "description": "These shipments are withdrawn"}, **problems(404)},
)
def post_withdrawal(request: WithdrawalRequest, response: Response, service: ServiceDep, who: WhoDep) -> WithdrawalView:
    """Withdraw shipments for ever: nothing new is made of them from this answer on, and every copy is purged.

    The same shipments are the same withdrawal, however often they are sent; copies that could not be purged are then
    tried again.
    """
    who.require_project(request.project)
    asked = withdraw(service.database, request, who.name)
    response.status_code = 201 if asked.created else 200
    with service.database.read() as session:
        return show_withdrawal(session, session.get_one(Withdrawal, asked.id))


@router.get("/v1/withdrawals/{withdrawal_id}", dependencies=allowed("read"), responses=problems(404))
def get_withdrawal(withdrawal_id: Annotated[RandomId, Path()], service: ServiceDep, who: WhoDep) -> WithdrawalView:
    """Show one withdrawal: what is purged, what remains and why, and what it still waits for."""
    with service.database.read() as session:
        row = session.get(Withdrawal, withdrawal_id)
        if row is None:
            raise NotFoundError
        who.require_project(row.project)
        return show_withdrawal(session, row)


@router.get("/v1/withdrawals/{withdrawal_id}/certificate", dependencies=allowed("read"), responses=problems(404, 409))
def get_certificate(withdrawal_id: Annotated[RandomId, Path()], service: ServiceDep, who: WhoDep) -> SignedCertificate:
    """Give the certificate of a withdrawal that has ended, signed by the key of the receipts."""
    with service.database.read() as session:
        row = session.get(Withdrawal, withdrawal_id)
        if row is None:
            raise NotFoundError
        who.require_project(row.project)
        return certificate_of(session, withdrawal_id)


@router.get("/v1/withdrawals", dependencies=allowed("read"), responses=problems())
def list_withdrawals(
    service: ServiceDep,
    who: WhoDep,
    project: Annotated[ProjectName | None, Query()] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[WithdrawalItem]:
    """List withdrawals, the newest first."""
    chosen = select(Withdrawal).options(defer(Withdrawal.certificate)).where(who.within(Withdrawal.project))
    chosen = chosen.where(*older_than(after, Withdrawal.asked_at, Withdrawal.id))
    if project is not None:
        chosen = chosen.where(Withdrawal.project == project)
    with service.database.read() as session:
        ordered = chosen.order_by(Withdrawal.asked_at.desc(), Withdrawal.id.desc())
        rows = session.scalars(ordered.limit(limit + 1)).all()
        items = show_items(session, rows[:limit])
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(items=items, next=newest_cursor(last.asked_at, last.id) if last else None)
