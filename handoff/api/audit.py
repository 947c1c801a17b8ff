"""Read who changed what, and who was refused."""

from typing import Annotated, Final

from fastapi import APIRouter, Query
from sqlalchemy import select

from handoff.api.dependencies import After, Limit, ServiceDep, WhoDep, allowed, cursor_number
from handoff.api.problems import problems
from handoff.database.tables import AuditRecord
from handoff.errors import ForbiddenError
from handoff.schemas.audit import ActView
from handoff.schemas.page import Page

router = APIRouter(tags=["access"])
ARRIVALS: Final = ("put_shipment", "put_evidence", "put_labels", "close_study", "close_study_by_page")
"""Acts that tell when something came."""
Word = Annotated[str | None, Query(max_length=160, pattern=r"^[A-Za-z0-9._:/-]+$")]
Moment = Annotated[float | None, Query(ge=0, allow_inf_nan=False, description="UTC, seconds since 1970.")]


@router.get("/v1/audit", dependencies=allowed("audit"), responses=problems())
def list_acts(
    who: WhoDep,
    service: ServiceDep,
    *,
    principal: Word = None,
    action: Word = None,
    subject: Word = None,
    since: Moment = None,
    until: Moment = None,
    newest_first: bool = False,
    after: After = None,
    limit: Limit = 100,
) -> Page[ActView]:
    """List what was asked for, in the order in which it was written down.

    Deliveries, and closing of studies, are listed for those alone who operate: they tell when something came.
    """
    if who.projects is not None:
        # Acts belong to no project, and their ids would tell of other projects' work.
        raise ForbiddenError(remedy="The record is of all projects; it takes a token that is limited to none.")
    number = AuditRecord.id
    chosen = select(AuditRecord)
    for column, value in (
        (AuditRecord.principal, principal),
        (AuditRecord.action, action),
        (AuditRecord.subject, subject),
    ):
        if value is not None:
            chosen = chosen.where(column == value)
    if not who.sees_arrivals:
        chosen = chosen.where(AuditRecord.action.not_in(ARRIVALS))
    if since is not None:
        chosen = chosen.where(AuditRecord.at >= since)
    if until is not None:
        chosen = chosen.where(AuditRecord.at < until)
    if after is not None:
        cursor = cursor_number(after)
        chosen = chosen.where(number < cursor if newest_first else number > cursor)
    with service.database.read() as session:
        rows = session.scalars(chosen.order_by(number.desc() if newest_first else number).limit(limit + 1)).all()
    items = tuple(_view(row) for row in rows[:limit])
    return Page(items=items, next=str(items[-1].id) if len(rows) > limit else None)


def _view(row: AuditRecord) -> ActView:
    names = ("id", "at", "principal", "role", "action", "subject", "status", "code")
    return ActView.model_validate({name: getattr(row, name) for name in names})
