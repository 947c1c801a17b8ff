"""PUT a package, list what arrived."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from handoff.api.body import discard, drain, keep, receive
from handoff.api.dependencies import After, Limit, ServiceDep, WhoDep, allowed
from handoff.api.problems import problems
from handoff.contract.identifiers import ProjectName, RandomId
from handoff.contract.receipt import SignedReceipt
from handoff.database.tables import Shipment, Study
from handoff.errors import WithdrawnError
from handoff.schemas.page import Page
from handoff.schemas.shipments import ShipmentView
from handoff.shipments.stream import MemberStream

router = APIRouter(tags=["shipments"])
_PACKAGE = {
    "requestBody": {
        "required": True,
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    },
    "parameters": [
        {"in": "header", "name": "Sluice-SHA256", "required": True, "schema": {"type": "string"}},
    ],
}


@router.put(
    "/v1/shipments/{shipment_id}",
    status_code=201,
    dependencies=allowed("deliver"),
    responses={200: {"model": SignedReceipt, "description": "Known; the same receipt"}, **problems(409, 410, 413)},
    openapi_extra=_PACKAGE,
)
async def put_shipment(
    shipment_id: Annotated[RandomId, Path()], request: Request, response: Response, service: ServiceDep, who: WhoDep
) -> SignedReceipt:
    """Take one package. 201 the first time, 200 with the same receipt after; safe to repeat for ever.

    A shipment that was withdrawn is refused for ever, also one that never came before.
    """
    try:
        await run_in_threadpool(service.shipments.require_wanted, shipment_id)
    except WithdrawnError:
        await drain(request, service.settings.max_package_bytes)
        raise
    settings = service.settings
    watch = MemberStream(settings.max_package_members)
    body = await receive(request, settings.max_package_bytes, lambda: service.store.receive(watch))
    try:
        admission = await keep(request, service.shipments.admit, shipment_id, body, who)
    finally:
        await discard(body)
    response.status_code = 201 if admission.created else 200
    return admission.receipt


@router.get("/v1/shipments", dependencies=allowed("reconcile"), responses=problems())
def list_shipments(
    service: ServiceDep,
    who: WhoDep,
    project: Annotated[ProjectName | None, Query()] = None,
    after: After = None,
    limit: Limit = 200,
) -> Page[ShipmentView]:
    """List shipments by id, for the trusted side to reconcile with."""
    chosen = select(Shipment, Study.study_uid).join(Study, Study.id == Shipment.study_id)
    chosen = chosen.where(who.within(Shipment.project))
    if project is not None:
        chosen = chosen.where(Shipment.project == project)
    if after is not None:
        chosen = chosen.where(Shipment.id > after)
    with service.database.read() as session:
        rows = session.execute(chosen.order_by(Shipment.id).limit(limit + 1)).all()
    items = tuple(_view(shipment, study_uid) for shipment, study_uid in rows[:limit])
    return Page(items=items, next=items[-1].id if len(rows) > limit else None)


def _view(row: Shipment, study_uid: str) -> ShipmentView:
    return ShipmentView(
        id=row.id,
        project=row.project,
        study=study_uid,
        series=row.series_uid,
        sha256=row.sha256,
        size=row.size,
        delivered=row.delivered,
        withheld=row.withheld,
        withheld_by=row.withheld_by,
    )
