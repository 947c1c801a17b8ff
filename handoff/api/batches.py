"""POST a batch, GET it."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.api.cursor import newest_cursor, older_than
from handoff.api.dependencies import After, Limit, ServiceDep, WhoDep, allowed
from handoff.api.prefix import Starts, starting
from handoff.api.problems import problems
from handoff.batches.form import BatchForming
from handoff.contract.identifiers import Digest, ProjectName
from handoff.database.tables import Batch, Handoff
from handoff.errors import NotFoundError
from handoff.schemas.batches import BatchItem, BatchRequest, BatchView
from handoff.schemas.page import Page
from handoff.store import Store
from handoff.store.store import batch_path

router = APIRouter(tags=["batches"])


@router.post(
    "/v1/batches",
    status_code=201,
    dependencies=allowed("decide"),
    responses={200: {"model": BatchView, "description": "A batch of this content exists"}, **problems()},
)
def form_batch(request: BatchRequest, response: Response, service: ServiceDep, who: WhoDep) -> BatchView:
    """Form an immutable batch of complete studies. The same content is the same batch."""
    who.require_project(request.project)
    formed = BatchForming(service.database, service.store).form(request)
    response.status_code = 201 if formed.created else 200
    with service.database.read() as session:
        return _view(session, service.store, formed.batch)


@router.get("/v1/batches/{batch_id}", dependencies=allowed("read"), responses=problems(404))
def get_batch(batch_id: Annotated[Digest, Path()], service: ServiceDep, who: WhoDep) -> BatchView:
    """Show one batch with its provenance."""
    with service.database.read() as session:
        batch = session.get(Batch, batch_id)
        if batch is None or not batch.formed or not who.sees(batch.project):
            raise NotFoundError
        return _view(session, service.store, batch)


@router.get("/v1/batches", dependencies=allowed("read"), responses=problems())
def list_batches(
    service: ServiceDep,
    who: WhoDep,
    *,
    project: Annotated[ProjectName | None, Query()] = None,
    starts: Starts = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[BatchItem]:
    """List batches, the newest first; one by its id has its provenance too."""
    order = Batch.created_at, Batch.id
    chosen = select(Batch).where(
        Batch.formed, who.within(Batch.project), *older_than(after, *order), *starting(starts, Batch.id)
    )
    if project is not None:
        chosen = chosen.where(Batch.project == project)
    with service.database.read() as session:
        rows = session.scalars(chosen.order_by(*(column.desc() for column in order)).limit(limit + 1)).all()
        items = tuple(BatchItem.model_validate(_facts(session, service.store, row)) for row in rows[:limit])
        further = newest_cursor(rows[limit - 1].created_at, rows[limit - 1].id) if len(rows) > limit else None
    return Page(items=items, next=further)


def _view(session: Session, store: Store, batch: Batch) -> BatchView:
    details = session.scalar(select(Batch.details).where(Batch.id == batch.id)) or {}
    of_before = {name: batch.facts[name] for name in _DETAILS if name in batch.facts}
    return BatchView.model_validate({**_facts(session, store, batch), **of_before, **details})


_DETAILS = ("left_out", "provenance")
"""What batches of before have among their facts."""


def _facts(session: Session, store: Store, batch: Batch) -> dict[str, Any]:
    prepared = select(Handoff.id).where(
        Handoff.batch_id == batch.id, Handoff.kind == "prepare", Handoff.state == "SUCCEEDED"
    )
    studies = len(batch.facts.get("provenance", {}).get("studies", ()))
    return {
        "id": batch.id,
        "project": batch.project,
        "uri": store.uri(batch_path(batch.id)),
        "spec_digest": batch.spec_digest,
        "instances": batch.instances,
        "annotations": batch.annotations,
        "test_percent": batch.test_percent,
        "withdrawn_by": batch.withdrawn_by,
        "prepared_by": tuple(session.scalars(prepared.order_by(Handoff.ended_at))),
        "studies": studies,
        **{name: value for name, value in batch.facts.items() if name not in _DETAILS},
    }
