"""Follow what happens to a handoff, as server-sent events (the HTML standard's text/event-stream)."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import select

from handoff.api.dependencies import ServiceDep, WhoDep, allowed, cursor_number
from handoff.api.problems import problems
from handoff.api.seen import HandoffId, require_seen
from handoff.api.streams import LONGEST_SECONDS, NOT_KEPT, Look, Seconds, looking, require_room
from handoff.contract.canonical import canonical_json
from handoff.database.engine import Database
from handoff.database.tables import Event, Handoff
from handoff.handoffs.show import show_event
from handoff.handoffs.states import ENDED, State

router = APIRouter(tags=["handoffs"])
_AT_ONCE = 200
_HEARTBEAT = b": waiting\n\n"
_AGAIN = b"retry: 1000\n\n"


@router.get(
    "/v1/handoffs/{handoff_id}/events",
    dependencies=allowed("read"),
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {}}, "description": "Each event as JSON; `event: end` is the last"},
        204: {"description": "It ended, and the client knows all of it: do not ask again"},
        **problems(404, 429),
    },
)
def follow_handoff(
    handoff_id: HandoffId,
    service: ServiceDep,
    who: WhoDep,
    *,
    last_event_id: Annotated[str | None, Header(description="Go on after this event.", max_length=20)] = None,
    after: Annotated[str | None, Query(description="The same for who cannot set headers.", max_length=20)] = None,
    seconds: Seconds = LONGEST_SECONDS,
) -> Response:
    """Tell what happened and what happens, until the handoff has ended; a client that comes back misses nothing."""
    require_seen(service, who, handoff_id)
    require_room(who.name)
    story = Story(service.database, handoff_id, cursor_number(last_event_id or after or "0"))
    if story.told():
        return Response(status_code=204)
    stream = looking(service, story.look, seconds, who.name, _HEARTBEAT)
    return StreamingResponse(stream, media_type="text/event-stream", headers=NOT_KEPT)


class Story:
    """What one client was told, and what comes next. Ids of events become visible in their order, see `note`."""

    def __init__(self, database: Database, handoff_id: str, after: int) -> None:
        self._database = database
        self._handoff_id = handoff_id
        self._after = after
        self._begun = False

    def told(self) -> bool:
        """Whether it ended, and the client knows its last event."""
        with self._database.read() as session:
            state = session.get_one(Handoff, self._handoff_id).state
            later = select(Event.id).where(Event.handoff_id == self._handoff_id, Event.id > self._after).limit(1)
            return bool(self._after) and State(state) in ENDED and session.scalar(later) is None

    def look(self) -> Look:
        """The events since the last look, and the end if the handoff has ended."""
        chosen = select(Event).where(Event.handoff_id == self._handoff_id, Event.id > self._after)
        with self._database.read() as session:
            state = session.get_one(Handoff, self._handoff_id).state
            events = session.scalars(chosen.order_by(Event.id).limit(_AT_ONCE)).all()
        found = b"".join(_message(event) for event in events)
        if events:
            self._after = events[-1].id
        if not self._begun:
            self._begun, found = True, _AGAIN + found
        ended = State(state) in ENDED and len(events) < _AT_ONCE
        if ended:
            found += b"event: end\ndata: " + canonical_json({"state": state}) + b"\n\n"
        return Look(found, ended)


def _message(event: Event) -> bytes:
    return b"id: %d\ndata: " % event.id + canonical_json(show_event(event).plain()) + b"\n\n"
