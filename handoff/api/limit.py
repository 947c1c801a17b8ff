"""Bodies have a limit, and a time to come in. But for those that are streamed, a route begins with its body in hand."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handoff.access.access_settings import AccessLimits
from handoff.api.pace import paced
from handoff.api.problems import problem_of
from handoff.errors import HandoffError, SlowError, TooLargeError

_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})
_STREAMED = ("/v1/shipments/", "/v1/evidence/", "/v1/labels/", "/v1/runs/")
"""PUT below these is read by its route, with a limit of its own."""
_LONG = frozenset({"/v1/pipelines", "/v1/batches", "/v1/withdrawals"})
"""Bodies that hold a pipeline, or a list of studies or shipments."""


class BodyLimit:
    """ASGI middleware: nobody makes the service hold more than the limit per request, or wait for ever."""

    def __init__(self, app: ASGIApp, limits: AccessLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its body in hand, or refuse it."""
        if scope["type"] != "http" or scope["method"] in _WITHOUT_BODY:
            await self._app(scope, receive, send)
            return
        receive = paced(receive, self._limits)
        if scope["method"] == "PUT" and scope["path"].startswith(_STREAMED):
            await self._app(scope, receive, send)
            return
        try:
            body = await _read(receive, self._largest(scope["path"]))
        except HandoffError as error:
            scope.setdefault("state", {})["code"] = error.code
            await problem_of(error)(scope, receive, send)
            return
        if body is None:
            return
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return messages.pop() if messages else await receive()

        await self._app(scope, replay, send)

    def _largest(self, path: str) -> int:
        return self._limits.max_long_json_bytes if path in _LONG else self._limits.max_json_bytes


async def _read(receive: Receive, largest: int) -> bytes | None:
    """The whole body; None when its sender went away.

    A body that is too long is read to its end, up to once more the limit, or its sender would miss the answer.

    Raises:
        TooLargeError: it is longer than the limit.
        SlowError: it took too long.
    """
    body = bytearray()
    size = 0
    while True:
        try:
            message = await receive()
        except SlowError:
            if size > largest:
                raise TooLargeError from None
            raise
        if message["type"] != "http.request":
            return None
        size += len(message.get("body", b""))
        if size <= largest:
            body += message.get("body", b"")
        if size > largest and (size > 2 * largest or not message.get("more_body", False)):
            raise TooLargeError
        if not message.get("more_body", False):
            return bytes(body)
