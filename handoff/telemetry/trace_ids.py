"""Names of traces and spans. A shipment's trace is its id: 128 random bits, which NiFi sends as `traceparent`.

So nothing has to be stored to continue a trace, and a span that is exported twice is the same span.
"""

from opentelemetry.trace import SpanContext, TraceFlags


def shipment_context(shipment: str) -> SpanContext:
    """What NiFi's InvokeHTTP calls itself in the trace of a shipment (32 hex digits)."""
    return _context(shipment, shipment[:16])


def handoff_context(trace: SpanContext, handoff: str, step: int = 0) -> SpanContext:
    """A handoff's span in a trace, and by `step` those of its parts."""
    return _context(f"{trace.trace_id:032x}", f"{(int(handoff[:16], 16) + step) % 2**64:016x}")


def _context(trace: str, span: str) -> SpanContext:
    # Zero is no span's name in W3C Trace Context.
    return SpanContext(int(trace, 16), int(span, 16) or 1, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
