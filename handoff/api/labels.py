"""PUT a label document, list what arrived."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from handoff.api.body import announced_digest, digest_differs, read_chunks
from handoff.api.dependencies import After, Limit, ServiceDep, WhoDep, allowed
from handoff.api.problems import problems
from handoff.contract.identifiers import ProjectName, RandomId
from handoff.contract.receipt import SignedReceipt
from handoff.database.tables import LabelDocument
from handoff.errors import NotFoundError
from handoff.labels.pending import pending_rows
from handoff.schemas.labels import LabelsDetail, LabelsView
from handoff.schemas.page import Page

router = APIRouter(tags=["labels"])
_DOCUMENT = {
    "requestBody": {
        "required": True,
        "description": "A Labels document; see handoff/contract/schemas/labels.json.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    },
    "parameters": [
        {"in": "header", "name": "Sluice-SHA256", "required": True, "schema": {"type": "string"}},
    ],
}


@router.put(
    "/v1/labels/{labels_id}",
    status_code=201,
    dependencies=allowed("deliver"),
    responses={200: {"model": SignedReceipt, "description": "Known; the same receipt"}, **problems(409, 413)},
    openapi_extra=_DOCUMENT,
)
async def put_labels(
    labels_id: Annotated[RandomId, Path()], request: Request, response: Response, service: ServiceDep, who: WhoDep
) -> SignedReceipt:
    """Take one label document. 201 the first time, 200 with the same receipt after."""
    expected = announced_digest(request)
    body = b"".join([chunk async for chunk in read_chunks(request, service.settings.max_labels_bytes)])
    if hashlib.sha256(body).hexdigest() != expected:
        raise digest_differs()
    admission = await run_in_threadpool(service.labels.admit, labels_id, body, expected, who)
    response.status_code = 201 if admission.created else 200
    return admission.receipt


@router.get("/v1/labels/{labels_id}", dependencies=allowed("reconcile"), responses=problems(404))
def get_labels(labels_id: Annotated[RandomId, Path()], service: ServiceDep, who: WhoDep) -> LabelsDetail:
    """Show one label document, and how many of its rows still wait for what they label."""
    with service.database.read() as session:
        row = session.get(LabelDocument, labels_id)
        if row is None or not who.sees(row.project):
            raise NotFoundError
        return LabelsDetail.model_validate({**_view(row).plain(), "pending": pending_rows(session, labels_id)})


@router.get("/v1/labels", dependencies=allowed("reconcile"), responses=problems())
def list_labels(
    service: ServiceDep,
    who: WhoDep,
    project: Annotated[ProjectName | None, Query()] = None,
    after: After = None,
    limit: Limit = 200,
) -> Page[LabelsView]:
    """List label documents by id, for the trusted side to reconcile with."""
    chosen = select(LabelDocument).where(LabelDocument.id > (after or ""), who.within(LabelDocument.project))
    if project is not None:
        chosen = chosen.where(LabelDocument.project == project)
    with service.database.read() as session:
        rows = session.scalars(chosen.order_by(LabelDocument.id).limit(limit + 1)).all()
    items = tuple(_view(row) for row in rows[:limit])
    return Page(items=items, next=items[-1].id if len(rows) > limit else None)


def _view(row: LabelDocument) -> LabelsView:
    return LabelsView(
        id=row.id,
        project=row.project,
        source=row.source,
        revision=row.revision,
        rows=row.rows,
        sha256=row.sha256,
        size=row.size,
    )
