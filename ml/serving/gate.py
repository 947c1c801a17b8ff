"""Which requests reach KServe at all.

KServe's server answers more than a handoff needs: protocol v1, and loading and unloading of models by whoever asks.
Only the routes below are let through; all but the probes need the token, where the server has one.
"""

import hmac
import json
import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ml.serving.errors import ServingError, UnauthorizedError

PROBES = re.compile(r"/|/v2|/v2/health/(live|ready)|/metrics")
"""GET, for everybody: they say nothing of a request."""
MODELS = re.compile(r"/v2/models(/[a-z0-9_-]+(/ready)?)?")
"""GET, with the token."""
INFER = re.compile(r"/v2/models/[a-z0-9_-]+/infer")
"""POST, with the token."""
LARGEST = 64 << 10


class NoRouteError(ServingError):
    """This server has no such route."""

    status = 404
    code = "no-route"


class TooLargeError(ServingError):
    """The request is larger than three URIs can be."""

    status = 413
    code = "too-large"


class MediaTypeError(ServingError):
    """The request is no JSON; tensors in binary form are not taken here."""

    status = 415
    code = "media-type"


class Gate:
    """ASGI middleware before KServe."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app = app
        self._expected = None if token is None else f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope)
            body = await _whole(receive) if scope["method"] == "POST" else b""
        except ServingError as error:
            await answer(error, send)
            return
        given = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def replay() -> Message:
            return next(given, None) or await receive()

        await self._app(scope, replay, send)

    def _check(self, scope: Scope) -> None:
        method, path = scope["method"], scope["path"]
        headers = dict(scope["headers"])
        if method == "GET" and PROBES.fullmatch(path):
            return
        if not ((method == "GET" and MODELS.fullmatch(path)) or (method == "POST" and INFER.fullmatch(path))):
            raise NoRouteError
        if self._expected is not None and not hmac.compare_digest(headers.get(b"authorization", b""), self._expected):
            raise UnauthorizedError
        if method == "POST" and not headers.get(b"content-type", b"").startswith(b"application/json"):
            raise MediaTypeError


async def _whole(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return body
        chunk: bytes = message.get("body", b"")
        body += chunk
        if len(body) > LARGEST:
            raise TooLargeError
        if not message.get("more_body", False):
            return body


async def answer(error: ServingError, send: Send) -> None:
    """Send an error as the protocol has it: one string."""
    body = json.dumps(error.answer()).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
