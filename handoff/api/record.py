"""One log line per request, and the counters behind /metrics. Names the route, never the path as it was sent."""

import time
from collections import Counter
from threading import Lock

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger("handoff.api")
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
"""What is counted by name; anyone may send any other word, and none may grow the counters."""
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


class RequestRecord:
    """ASGI middleware that writes the canonical line."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and write its line at its end."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 500
        received = 0

        async def counting_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            return message

        async def noting_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, counting_receive, noting_send)
        finally:
            _write(scope, status, received, time.perf_counter() - began)


def _write(scope: Scope, status: int, received: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "unknown")
    method = scope["method"] if scope["method"] in _METHODS else "other"
    REQUESTS.add(method, route, status)
    if route in _QUIET and status == 200:
        return
    parameters = scope.get("path_params", {}) if status < 400 else {}
    log.info(
        "request",
        method=method,
        route=route,
        status=status,
        code=scope.get("state", {}).get("code"),
        bytes=received,
        ms=round(seconds * 1000, 1),
        **{name: value for name, value in parameters.items() if name.endswith("_id")},
    )


class RequestCounter:
    """Requests since the start, by method, route and status."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, int]] = Counter()
        self._lock = Lock()

    def add(self, method: str, route: str, status: int) -> None:
        """Count one."""
        with self._lock:
            self._counts[method, route, status] += 1

    def lines(self) -> list[str]:
        """As Prometheus writes them."""
        with self._lock:
            counts = sorted(self._counts.items())
        return [
            f'sluice_requests_total{{method="{method}",route="{route}",status="{status}"}} {count}'
            for (method, route, status), count in counts
        ]


REQUESTS = RequestCounter()
