"""Bodies that are read whole (all but PUTs, which are streamed) have a limit, for the token is looked at only later."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handoff.api.problems import problem_response
from handoff.errors import TooLargeError

LARGEST = 16 << 20
"""More than the longest pipeline takes, however it is escaped."""


class BodyLimit:
    """ASGI middleware: nobody, known or not, makes the service hold more than the limit per request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its body in hand, or refuse it."""
        if scope["type"] != "http" or scope["method"] in {"PUT", "GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        body = await _read(receive)
        if body is None:
            scope.setdefault("state", {})["code"] = TooLargeError.code
            error = TooLargeError()
            await problem_response(error.status, error.code, str(error), error.remedy)(scope, receive, send)
            return

        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return messages.pop() if messages else await receive()

        await self._app(scope, replay, send)


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None when it is longer than the limit, or its sender went away."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] != "http.request" or len(body) > LARGEST:
            return None
        if not message.get("more_body", False):
            return bytes(body)
