"""Each change that somebody asked for is written down before its answer leaves, and each refusal too.

The answer of a change waits for that row, which a route may write itself, in the transaction of the change. Where it
cannot be written, the sender is told to send again, which is harmless. Ids come from the path, and of something new
from the `id` of the answer.
"""

import contextlib
import json
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handoff.access.audit import Act, AuditTrail
from handoff.api.problems import problem_of
from handoff.api.routes import route_name
from handoff.errors import BusyError

log = structlog.get_logger("handoff.api")
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_REFUSED = frozenset({401, 403})
_NOT_NOTED: dict[str, frozenset[int]] = {
    "put_shipment": frozenset({200}),
    "put_evidence": frozenset({200}),
    "put_labels": frozenset({200}),
    "put_run_file": frozenset({200, 201}),
}
"""Answers that tell of nothing new: repeats, and files that count only once their result is believed."""


class Acts:
    """ASGI middleware; what it wraps knows the principal."""

    def __init__(self, app: ASGIApp, trail: AuditTrail) -> None:
        self._app = app
        self._trail = trail

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and hold back its answer until it is noted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        held: list[Message] = []
        replaced = False

        async def noting_send(message: Message) -> None:
            nonlocal replaced
            if replaced:
                return
            if message["type"] == "http.response.start" and _is_noted(scope, message["status"]):
                held.append(message)
                return
            if held:
                start = held.pop()
                try:
                    await self._trail.append(_act(scope, start["status"], message.get("body", b"")))
                except SQLAlchemyError:
                    log.exception("audit-not-written")
                    replaced = True
                    await problem_of(BusyError())(scope, receive, send)
                    return
                await send(start)
            await send(message)

        try:
            await self._app(scope, receive, noting_send)
        except Exception:  # a bug, which is answered further out; something may have been changed before it
            if scope["method"] not in _READS and "principal" in scope.get("state", {}):
                with contextlib.suppress(SQLAlchemyError):
                    await self._trail.append(_act(scope, 500, b""))
            raise


def _is_noted(scope: Scope, status: int) -> bool:
    if "principal" not in scope.get("state", {}):
        return status == 401  # a sign-in that failed, of which pages take few; nobody unknown fills the disk
    if scope["method"] in _READS:
        return status in _REFUSED
    if scope["state"].get("noted"):
        return False
    return status not in _NOT_NOTED.get(route_name(scope), ())


def _act(scope: Scope, status: int, body: bytes) -> Act:
    state: dict[str, Any] = scope.get("state", {})
    return Act(state.get("principal"), route_name(scope), _subject(scope, body), status, state.get("code"))


def _subject(scope: Scope, body: bytes) -> str:
    """The ids of the path; without any, the id of what was made, as a page or the answer says it."""
    ids = [str(value) for value in scope.get("path_params", {}).values()]
    if ids:
        return "/".join(ids)
    if "subject" in scope.get("state", {}):
        return str(scope["state"]["subject"])
    try:
        made = json.loads(body)
    except ValueError:
        return ""
    found = made.get("id", "") if isinstance(made, dict) else ""
    return found if isinstance(found, str) else ""
