"""What nobody foresaw is a problem too, and its connection goes on.

Beyond this the framework would answer as well, but raise the error once more: the server would write it down a second
time in words of its own, and close the connection that its sender is about to use again.
"""

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handoff.api.problems import unforeseen


class Bugs:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and answer it where nobody else did; half an answer can only be broken off."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def noting_send(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noting_send)
        except Exception as error:  # the outermost place that still knows how to answer
            if begun:
                raise
            await unforeseen(Request(scope), error)(scope, receive, send)
