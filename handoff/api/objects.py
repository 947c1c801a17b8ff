"""Objects that go back to where their images came from: list what is open, fetch one, acknowledge it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse

from handoff.api.dependencies import ServiceDep, WhoDep, allowed
from handoff.api.problems import problems
from handoff.contract.canonical import canonical_json
from handoff.contract.identifiers import RandomId
from handoff.contract.returned import MEDIA_TYPE, Acknowledged, Acknowledgement, OpenObject
from handoff.database.tables import Handoff
from handoff.errors import NotFoundError
from handoff.results.objects import acknowledge, chunks, claim_of, find_object, open_objects
from handoff.schemas.page import Page
from handoff.store.files import is_there

router = APIRouter(tags=["results"])


@router.get("/v1/results/objects", dependencies=allowed("reconcile"), responses=problems())
def list_open_objects(
    service: ServiceDep, who: WhoDep, limit: Annotated[int, Query(ge=1, le=200, description="Most items.")] = 100
) -> Page[OpenObject]:
    """List objects that nobody has acknowledged; whoever acknowledges what it fetched sees the rest next time."""
    with service.database.read() as session:
        return Page(
            items=tuple(OpenObject(id=found) for found in open_objects(session, limit, who.within(Handoff.project))),
            next=None,
        )


@router.get(
    "/v1/results/objects/{object_id}",
    dependencies=allowed("reconcile"),
    response_class=StreamingResponse,
    responses={200: {"content": {MEDIA_TYPE: {}}, "description": "The claim's line, then the object"}, **problems(404)},
)
def get_object(object_id: Annotated[RandomId, Path()], service: ServiceDep, who: WhoDep) -> StreamingResponse:
    """Give one object behind its claim: a line of JSON (`handoff/contract/schemas/claim.json`), then the bytes."""
    with service.database.read() as session:
        row = find_object(session, object_id, who)
        head = canonical_json(claim_of(session, row)) + b"\n"
        result = service.store.result(session.get_one(Handoff, row.handoff_id).key)
        path, size = row.path, row.size
    if not is_there(result, path, size):
        raise NotFoundError("The file of this object is gone from the store.", remedy="Restore results/ from a backup.")
    headers = {"Content-Length": str(len(head) + size)}
    return StreamingResponse(chunks(head, result.read(path)), media_type=MEDIA_TYPE, headers=headers)


@router.put(
    "/v1/results/objects/{object_id}/acknowledgement", dependencies=allowed("deliver"), responses=problems(404, 409)
)
def put_acknowledgement(
    object_id: Annotated[RandomId, Path()], said: Acknowledgement, service: ServiceDep, who: WhoDep
) -> Acknowledged:
    """Note that the trusted side has the object durably, so that it is not listed again; safe to repeat."""
    with service.database.write() as session:
        row = find_object(session, object_id, who)
        acknowledge(row, said)
        return Acknowledged.model_validate({"id": object_id, "outcome": row.acknowledged_as})
