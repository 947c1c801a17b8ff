"""One log line, one count and one span per request. All name the route, never the path as it was sent."""

import time

import structlog
from opentelemetry.trace import Span
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handoff.telemetry import requests
from handoff.telemetry.metrics import RequestMetrics
from handoff.telemetry.spans import Spans

log = structlog.get_logger("handoff.api")
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
"""What is counted by name; anyone may send any other word, and none may grow the counters."""
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


class RequestRecord:
    """ASGI middleware that writes the canonical line."""

    def __init__(self, app: ASGIApp, metrics: RequestMetrics, spans: Spans) -> None:
        self._app = app
        self._metrics = metrics
        self._spans = spans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and write its line at its end."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        span = requests.begin(self._spans, scope)
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
            seconds = time.perf_counter() - began
            received += scope.get("state", {}).get("read_past_loop", 0)
            route = getattr(scope.get("route"), "path", "unknown")
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._metrics.answered(method, route, status, received, seconds)
            if span is not None:
                requests.end(span, method, route, status, received)
            if route not in _QUIET or status != 200:
                facts = {"method": method, "route": route, "status": status, "bytes": received}
                _write(scope, facts | {"ms": round(seconds * 1000, 1)}, span)


def _write(scope: Scope, facts: dict[str, str | int | float], span: Span | None) -> None:
    parameters = scope.get("path_params", {}) if int(facts["status"]) < 400 else {}
    log.info(
        "request",
        **facts,
        code=scope.get("state", {}).get("code"),
        **({"trace": f"{span.get_span_context().trace_id:032x}"} if span else {}),
        **{name: value for name, value in parameters.items() if name.endswith("_id")},
    )
