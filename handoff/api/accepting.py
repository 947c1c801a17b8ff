"""Accept a decision that was POSTed, by the short way where nothing is odd about it.

What a framework does for each request (finding the route, what it depends on, the body's type, trips to threads) costs
more than the decision itself, of which there may be hundreds a second. So:

1. A POST by somebody who may decide, whose body is announced as plain JSON, comes here first.
2. A body that is a decision is accepted in a thread of its own.
3. Any other goes on to the route of the same path, which says what is wrong with it; nothing was done yet.
"""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from fastapi import Response
from sqlalchemy.orm import Session
from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handoff.access.audit import Act, note_act
from handoff.access.permissions import Verb
from handoff.access.principal import Principal
from handoff.api.seen import seen
from handoff.handoffs.accept import AcceptedHandoff, HandoffAcceptance
from handoff.handoffs.show import show_handoff, show_made
from handoff.schemas.handoffs import HandoffRequest
from handoff.service import Service

PATH = "/v1/handoffs"
NAME = "accept_handoff"
"""Of the route, and of the act in the record."""
VERB: Verb = "decide"
_THREADS = 32
"""So many decisions share one wait for the disk."""


def accept(service: Service, who: Principal, request: HandoffRequest, noted: Callable[[], None]) -> Response:
    """Accept a decision, with its act in the same transaction, and answer it.

    Args:
        service: of the app.
        who: who decides.
        request: the decision.
        noted: called once both are durable.

    Raises:
        RunError: it could never become a run that can be believed.
    """

    def note(session: Session, accepted: AcceptedHandoff) -> None:
        note_act(session, Act(who, NAME, accepted.id, _status(accepted)))

    acceptance = HandoffAcceptance(service.database, service.settings)
    accepted = acceptance.accept(request, who.name, sees=who.sees, also=note)
    noted()
    if accepted.made is not None:
        view = show_made(service.store, accepted.made)
    else:
        with service.database.read() as session:
            view = show_handoff(session, service.store, service.settings, seen(session, who, accepted.id))
    # Written here, in this thread: FastAPI would check the view once more, in another one.
    return Response(view.model_dump_json(), _status(accepted), media_type="application/json")


class ShortWay(BaseRoute):
    """A route before the others.

    Args:
        service: of the app.
        whole: where all routes are, for what does not go this way.
    """

    path = PATH
    name = NAME

    def __init__(self, service: Service, whole: ASGIApp) -> None:
        self._service = service
        self._whole = whole
        self._threads = ThreadPoolExecutor(_THREADS, "decide")

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Step (1)."""
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            return Match.NONE, {}
        state = scope.get("state", {})
        who: Principal | None = state.get("principal")
        plain = Headers(scope=scope).getlist("content-type") == ["application/json"]
        if who is None or not who.may(VERB) or not plain or state.get("whole"):
            return Match.NONE, {}
        return Match.FULL, {"route": self, "path_params": {}}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Steps (2) and (3)."""
        state = scope["state"]
        message = await receive()
        request = _decision(message)
        if request is None:
            state["whole"] = True
            await self._whole(scope, _before(message, receive), send)
            return
        threads, who = self._threads, state["principal"]
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(
            threads, accept, self._service, who, request, lambda: state.update(noted=True)
        )
        await answer(scope, receive, send)


def _decision(message: Message) -> HandoffRequest | None:
    """What a whole body says; None when it is no decision."""
    if message["type"] != "http.request" or message.get("more_body", False):
        return None
    try:
        return HandoffRequest.model_validate(json.loads(message["body"]))
    except (ValueError, RecursionError):
        return None


def _before(message: Message, receive: Receive) -> Receive:
    """A `receive` that gives a message once more first."""
    messages = [message]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again


def _status(accepted: AcceptedHandoff) -> int:
    return 202 if accepted.created else 200
