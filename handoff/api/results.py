"""Results to poll: only of SUCCEEDED handoffs, only files whose digests were re-read."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import FileResponse, Response, StreamingResponse
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from handoff.access.principal import Principal
from handoff.api.dependencies import After, Limit, ServiceDep, WhoDep, allowed, cursor_number
from handoff.api.problems import problems
from handoff.contract.identifiers import ProjectName, RandomId, RelativePath
from handoff.contract.result import RunKind
from handoff.database.tables import Event, Handoff, ResultFileRow
from handoff.errors import NotFoundError, WithdrawnError
from handoff.handoffs.show import result_files
from handoff.handoffs.states import State
from handoff.schemas.page import Page
from handoff.schemas.results import ResultView
from handoff.service import Service
from handoff.store import Store
from handoff.store.files import Files, OutsideError
from handoff.withdrawals.downloads import note_download
from handoff.withdrawals.gate import is_withdrawn

router = APIRouter(tags=["results"])


@router.get("/v1/results", dependencies=allowed("reconcile"), responses=problems())
def list_results(
    service: ServiceDep,
    who: WhoDep,
    *,
    project: Annotated[ProjectName | None, Query()] = None,
    kind: Annotated[RunKind | None, Query()] = None,
    is_open: Annotated[
        bool | None, Query(alias="open", description="True: only results with an object that nobody acknowledged.")
    ] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[ResultView]:
    """List results in the order in which they were believed, so that a poller goes on where it stopped."""
    chosen = (
        select(Handoff, Event.id)
        .join(Event, Event.handoff_id == Handoff.id)
        .where(Event.event == State.SUCCEEDED.value, Event.id > cursor_number(after), who.within(Handoff.project))
    )
    if project is not None:
        chosen = chosen.where(Handoff.project == project)
    if kind is not None:
        chosen = chosen.where(Handoff.kind == kind)
    if is_open is not None:
        waiting = exists().where(
            ResultFileRow.handoff_id == Handoff.id,
            ResultFileRow.object_id.is_not(None),
            ResultFileRow.acknowledged_as.is_(None),
        )
        chosen = chosen.where(waiting if is_open else ~waiting)
    with service.database.read() as session:
        rows = session.execute(chosen.order_by(Event.id).limit(limit + 1)).all()
        items = tuple(_view(session, service.store, handoff) for handoff, _ in rows[:limit])
    return Page(items=items, next=str(rows[limit - 1][1]) if len(rows) > limit else None)


@router.get(
    "/v1/results/{handoff_id}/files/{path:path}",
    dependencies=allowed("reconcile"),
    response_class=FileResponse,
    responses=problems(404),
)
def get_result_file(
    handoff_id: Annotated[RandomId, Path()], path: Annotated[RelativePath, Path()], service: ServiceDep, who: WhoDep
) -> Response:
    """Give one file of a result, as it was when its digest was re-read (`Sluice-SHA256` repeats it)."""
    with service.database.read() as session:
        row = session.get(ResultFileRow, (handoff_id, path))
        handoff = session.get(Handoff, handoff_id)
    if row is None or handoff is None or not who.sees(handoff.project):
        raise NotFoundError
    note_result_download(service, who, handoff, row)
    return stored_file(service.store.result(handoff.key), row.path, row.media_type, row.sha256)


def note_result_download(service: Service, who: Principal, handoff: Handoff, row: ResultFileRow) -> None:
    """Write down that somebody gets a file of a result; not of a model, which is nobody's data.

    Raises:
        WithdrawnError: something of its batch was withdrawn.
    """
    if row.role == "model":
        return
    with service.database.read() as session:
        if is_withdrawn(session, handoff.batch_id):
            raise WithdrawnError("Something of the batch of this result was withdrawn.", code="batch-withdrawn")
    if who.role != "intake":  # the trusted side has it by right
        days = service.settings.download_days
        note_download(service.database, who.name, days, batch=handoff.batch_id, handoff=handoff.id)


def _view(session: Session, store: Store, handoff: Handoff) -> ResultView:
    return ResultView.model_validate(
        {
            "handoff": handoff.id,
            "key": handoff.key,
            "kind": handoff.kind,
            "project": handoff.project,
            "batch": handoff.batch_id,
            "model": handoff.model_id,
            "spec_digest": handoff.spec_digest,
            "result_uri": store.result(handoff.key).uri,
            "metrics": handoff.metrics,
            "files": result_files(session, handoff.id),
        }
    )


def stored_file(result: Files, path: str, media_type: str, sha256: str) -> Response:
    """A file of a result as an answer, from wherever it is kept.

    Raises:
        NotFoundError: it is not there any more.
    """
    try:
        size = result.size(path)
    except (OSError, OutsideError) as error:
        message = "The file of this result is gone from the store."
        raise NotFoundError(message, remedy="Restore the results from a backup.") from error
    return _bytes(result, path, size, media_type, {"Sluice-SHA256": sha256})


def _bytes(files: Files, path: str, size: int, media_type: str, headers: dict[str, str]) -> Response:
    file = files.local(path)
    if file is not None:
        return FileResponse(file, media_type=media_type, headers=headers)
    return StreamingResponse(files.read(path), media_type=media_type, headers={**headers, "Content-Length": str(size)})
