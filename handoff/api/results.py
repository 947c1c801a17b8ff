"""Results to poll: only of SUCCEEDED handoffs, only files whose digests were re-read."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import FileResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.api.dependencies import After, Limit, Reader, ServiceDep, cursor_number
from handoff.api.problems import problems
from handoff.contract.identifiers import ProjectName, RandomId, RelativePath
from handoff.database.tables import Event, Handoff, ResultFileRow
from handoff.errors import NotFoundError
from handoff.handoffs.order import result_folder
from handoff.handoffs.show import result_files
from handoff.handoffs.states import State
from handoff.home import ResearchHome
from handoff.schemas.page import Page
from handoff.schemas.results import ResultView

router = APIRouter(tags=["results"])


@router.get("/v1/results", dependencies=Reader, responses=problems())
def list_results(
    service: ServiceDep,
    project: Annotated[ProjectName | None, Query()] = None,
    kind: Annotated[Literal["prepare", "train", "infer"] | None, Query()] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[ResultView]:
    """List results in the order in which they were believed, so that a poller goes on where it stopped."""
    chosen = (
        select(Handoff, Event.id)
        .join(Event, Event.handoff_id == Handoff.id)
        .where(Event.event == State.SUCCEEDED.value, Event.id > cursor_number(after))
    )
    if project is not None:
        chosen = chosen.where(Handoff.project == project)
    if kind is not None:
        chosen = chosen.where(Handoff.kind == kind)
    with service.database.read() as session:
        rows = session.execute(chosen.order_by(Event.id).limit(limit + 1)).all()
        items = tuple(_view(session, service.home, handoff) for handoff, _ in rows[:limit])
    return Page(items=items, next=str(rows[limit - 1][1]) if len(rows) > limit else None)


@router.get(
    "/v1/results/{handoff_id}/files/{path:path}",
    dependencies=Reader,
    response_class=FileResponse,
    responses=problems(404),
)
def get_result_file(
    handoff_id: Annotated[RandomId, Path()], path: Annotated[RelativePath, Path()], service: ServiceDep
) -> FileResponse:
    """Give one file of a result, as it was when its digest was re-read (`Sluice-SHA256` repeats it)."""
    with service.database.read() as session:
        row = session.get(ResultFileRow, (handoff_id, path))
        handoff = session.get(Handoff, handoff_id)
    if row is None or handoff is None:
        raise NotFoundError
    file = result_folder(service.home, handoff.key) / row.path
    if not file.is_file():
        raise NotFoundError("The file of this result is gone from the disk.", remedy="Restore results/ from a backup.")
    return FileResponse(file, media_type=row.media_type, headers={"Sluice-SHA256": row.sha256})


def _view(session: Session, home: ResearchHome, handoff: Handoff) -> ResultView:
    return ResultView.model_validate(
        {
            "handoff": handoff.id,
            "key": handoff.key,
            "kind": handoff.kind,
            "project": handoff.project,
            "batch": handoff.batch_id,
            "model": handoff.model_id,
            "spec_digest": handoff.spec_digest,
            "result_uri": result_folder(home, handoff.key).as_uri(),
            "metrics": handoff.metrics,
            "files": result_files(session, handoff.id),
        }
    )
