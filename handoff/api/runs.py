"""Files of a run, for its steps: read the batch, write the result, by the run's own token and without the store's."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import FileResponse
from pydantic import ValidationError
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool

from handoff.access.principal import Principal
from handoff.access.run_files import is_left_over, not_at_work, readable, writable
from handoff.api.body import DIGEST_HEADER, announced_digest, digest_differs, discard, fill
from handoff.api.dependencies import Limit, ServiceDep, WhoDep, allowed
from handoff.api.problems import problems
from handoff.api.ranges import file_from
from handoff.contract.identifiers import RandomId, RelativePath
from handoff.database.tables import Handoff
from handoff.errors import NotFoundError
from handoff.schemas.page import Page
from handoff.schemas.runs import RunFile, RunToken, RunTokenRequest, StoredFile
from handoff.service import Service
from handoff.store import Incoming
from handoff.store.files import Files, OutsideError

router = APIRouter(tags=["runs"])
Step = allowed("work")
HandoffId = Annotated[RandomId, Path(description="The handoff that the token is bound to.")]
FilePath = Annotated[RelativePath, Path(description="`batches/...`, `packages/...` or `results/<key>/...`.")]
_BODY = {"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string"}}}}}


@router.post("/v1/runs/token", dependencies=allowed("take-on"), responses=problems(404))
def get_run_token(body: RunTokenRequest, response: Response, who: WhoDep, service: ServiceDep) -> RunToken:
    """Give a step in a cluster the token of its run, by the token that is named as its target."""
    response.headers["Cache-Control"] = "no-store"
    given = service.run_tokens.of_engine(who, body.run)
    return RunToken(handoff=given.handoff_id, token=given.token, seconds=service.run_tokens.seconds)


@router.get(
    "/v1/runs/{handoff_id}/files/{path:path}",
    dependencies=Step,
    response_class=FileResponse,
    responses=problems(404, 410),
)
def get_run_file(handoff_id: HandoffId, path: FilePath, request: Request, who: WhoDep, service: ServiceDep) -> Response:
    """Give a file of the run's batch, of what that was prepared to, of its model, or of its own result.

    `Sluice-SHA256` is its digest where that is on record; `Range: bytes=N-` gives the rest of a broken download.
    """
    with service.database.read() as session:
        files, below, sha256 = readable(session, service.store, _own(session, who, handoff_id), path)
    return file_from(files, below, sha256, "application/octet-stream", request.headers.get("range"))


@router.head("/v1/runs/{handoff_id}/files/{path:path}", dependencies=Step, include_in_schema=False)
def head_run_file(handoff_id: HandoffId, path: FilePath, who: WhoDep, service: ServiceDep) -> Response:
    """Say whether a file is there, and how large it is."""
    with service.database.read() as session:
        files, below, _ = readable(session, service.store, _own(session, who, handoff_id), path)
    try:
        return Response(headers={"Content-Length": str(files.size(below))})
    except (OSError, OutsideError) as error:
        raise NotFoundError from error


@router.get("/v1/runs/{handoff_id}/files", dependencies=Step, responses=problems(404))
def list_run_files(
    handoff_id: HandoffId,
    who: WhoDep,
    service: ServiceDep,
    after: Annotated[str | None, Query(max_length=1024, description="`next` of the page before.")] = None,
    limit: Limit = 1000,
) -> Page[RunFile]:
    """List the files of the run's own result."""
    with service.database.read() as session:
        files = service.store.result(_own(session, who, handoff_id).key)
    found = [path for path in files.paths() if path > (after or "")][: limit + 1]
    items = tuple(item for path in found[:limit] if (item := _item(files, path)) is not None)
    return Page(items=items, next=found[limit - 1] if len(found) > limit else None)


def _item(files: Files, path: str) -> RunFile | None:
    """A file of the list; None for what was removed meanwhile, a link that leads out, or half a file."""
    try:
        return RunFile(path=path, size=files.size(path))
    except (FileNotFoundError, OutsideError, ValidationError):
        return None


@router.put(
    "/v1/runs/{handoff_id}/files/{path:path}",
    status_code=201,
    dependencies=Step,
    responses=problems(404, 408, 409, 410, 413, 507),
    openapi_extra=_BODY,
)
async def put_run_file(
    handoff_id: HandoffId, path: FilePath, request: Request, who: WhoDep, service: ServiceDep
) -> StoredFile:
    """Store a file of the run's own result, until `result.json` is there; with Sluice-SHA256 its digest is checked."""
    expected = announced_digest(request) if DIGEST_HEADER in request.headers else None
    await run_in_threadpool(_destination, service, who, handoff_id, path)  # before anything is read
    body = await run_in_threadpool(service.store.receive)
    try:
        await fill(body, request, service.settings.access.max_result_file_bytes)
        if expected not in {None, body.sha256}:
            raise digest_differs()
        stored = StoredFile(path=path, sha256=body.sha256, size=body.size)
        await run_in_threadpool(_keep, service, who, handoff_id, path, body)
    finally:
        await discard(body)
    return stored


@router.delete(
    "/v1/runs/{handoff_id}/files/{path:path}", status_code=204, dependencies=Step, responses=problems(404, 409, 410)
)
def delete_run_file(handoff_id: HandoffId, path: FilePath, who: WhoDep, service: ServiceDep) -> None:
    """Remove a file of the run's own result that an attempt before left; harmless when it is absent."""
    files, below = _destination(service, who, handoff_id, path)
    files.remove(below)


def _keep(service: Service, who: Principal, handoff_id: str, path: str, body: Incoming) -> None:
    """Look again, for a body may have taken hours, and keep it; and once more, for S3 may take minutes.

    Raises:
        ConflictError: the run has ended meanwhile, and nothing of it may come back.
    """
    files, below = _destination(service, who, handoff_id, path)
    files.keep(body, below)
    with service.database.read() as session:
        late = is_left_over(_own(session, who, handoff_id))
    if late:
        files.remove(below)
        raise not_at_work()


def _destination(service: Service, who: Principal, handoff_id: str, path: str) -> tuple[Files, str]:
    with service.database.read() as session:
        return writable(session, service.store, _own(session, who, handoff_id), path)


def _own(session: Session, who: Principal, handoff_id: str) -> Handoff:
    """The handoff of the token; there is no other one for it.

    Raises:
        NotFoundError: the path names another one.
    """
    handoff = session.get(Handoff, handoff_id) if who.handoff_id == handoff_id else None
    if handoff is None:
        raise NotFoundError
    return handoff
