"""Read what a run printed: all of it, its last lines, or as it comes."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import FileResponse, PlainTextResponse, StreamingResponse

from handoff.api.dependencies import ServiceDep, WhoDep, allowed
from handoff.api.problems import problems
from handoff.api.seen import HandoffId, require_seen
from handoff.api.streams import LONGEST_SECONDS, NOT_KEPT, Look, Seconds, looking, require_room
from handoff.database.tables import Handoff
from handoff.handoffs.left import Left
from handoff.handoffs.states import ENDED, State
from handoff.handoffs.tail import Growing, last_lines
from handoff.service import Service

router = APIRouter(tags=["handoffs"])
_PLAIN = "text/plain; charset=utf-8"


@router.get(
    "/v1/handoffs/{handoff_id}/logs",
    dependencies=allowed("read"),
    response_class=PlainTextResponse,
    responses=problems(404, 410, 429),
)
def get_logs(
    handoff_id: HandoffId,
    service: ServiceDep,
    who: WhoDep,
    *,
    tail: Annotated[int | None, Query(ge=0, le=100_000, description="Only so many lines, the last ones.")] = None,
    follow: Annotated[bool, Query(description="Go on until the run has ended.")] = False,
    seconds: Seconds = LONGEST_SECONDS,
) -> Response:
    """Give what the run printed so far; ranges of bytes can be asked for when it is not followed."""
    row = require_seen(service, who, handoff_id)
    left = Left(service.home, service.settings, service.database)
    file = left.log(row)
    if follow:
        require_room(who.name)
        output = _Output(service, handoff_id, left, tail)
        return StreamingResponse(looking(service, output.look, seconds, who.name), media_type=_PLAIN, headers=NOT_KEPT)
    if file is None:
        return PlainTextResponse("")
    if tail is not None:
        return Response(last_lines(file, tail), media_type=_PLAIN)
    return FileResponse(file, media_type=_PLAIN)


class _Output:
    """What one client was given of the output of one run."""

    def __init__(self, service: Service, handoff_id: str, left: Left, tail: int | None) -> None:
        self._service = service
        self._handoff_id = handoff_id
        self._left = left
        self._growing = Growing(tail)

    def look(self) -> Look:
        """What was printed since the last look."""
        with self._service.database.read() as session:
            row = session.get_one(Handoff, self._handoff_id)
        found = self._growing.more(self._left.log(row))
        return Look(found, ended=State(row.state) in ENDED and not found)
