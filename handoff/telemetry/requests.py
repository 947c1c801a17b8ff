"""One span for each request, in the caller's trace where the caller names one (W3C Trace Context)."""

from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import Scope

from handoff.telemetry.spans import Spans

_PROPAGATOR = TraceContextTextMapPropagator()


def begin(spans: Spans, scope: Scope) -> Span | None:
    """Start the span of a request; None when nobody wants it."""
    if not spans.wanted:
        return None
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    context = _PROPAGATOR.extract({name: headers[name] for name in ("traceparent",) if name in headers})
    return spans.tracer.start_span("request", context, SpanKind.SERVER)


def end(span: Span, method: str, route: str, status: int, received: int) -> None:
    """End it; it tells the route's pattern, never the path as sent."""
    span.update_name(f"{method} {route}")
    span.set_attribute("http.request.method", method)
    span.set_attribute("http.route", route)
    span.set_attribute("http.response.status_code", status)
    span.set_attribute("http.request.body.size", received)
    if status >= 500:
        span.set_status(StatusCode.ERROR)
    span.end()
