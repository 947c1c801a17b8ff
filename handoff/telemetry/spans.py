"""Where spans go: an OpenTelemetry collector over OTLP/HTTP, in the background; nowhere unless one is named.

A collector that is down or slow costs spans, never a request or a run.
"""

import threading
from collections.abc import Sequence
from importlib.metadata import version

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import NoOpTracer, Tracer

_EXPORT_SECONDS = 5
_CLOSE_SECONDS = 3


class Spans:
    """The way out for spans of one process."""

    def __init__(self, role: str, exporter: SpanExporter | None) -> None:
        """Begin; without an exporter nothing is ever recorded."""
        self.resource = Resource.create({"service.name": role, "service.version": version("dicom-sluice")})
        self._processor: SpanProcessor | None = None
        self.tracer: Tracer = NoOpTracer()
        if exporter is not None:
            self._processor = BatchSpanProcessor(exporter)
            provider = TracerProvider(resource=self.resource, shutdown_on_exit=False)
            provider.add_span_processor(self._processor)
            self.tracer = provider.get_tracer("sluice")

    @property
    def wanted(self) -> bool:
        """Whether anybody takes spans."""
        return self._processor is not None

    def give(self, spans: Sequence[ReadableSpan]) -> None:
        """Send spans that were made from what is recorded."""
        if self._processor is not None:
            for span in spans:
                self._processor.on_end(span)

    def close(self) -> None:
        """Send what waits, and stop; a collector that does not answer is not waited for beyond a few seconds."""
        if self._processor is not None:
            closing = threading.Thread(target=self._processor.shutdown, name="spans", daemon=True)
            closing.start()
            closing.join(_CLOSE_SECONDS)


def open_spans(role: str, endpoint: str | None) -> Spans:
    """The way to the collector at `endpoint`, the whole URL of OTLP/HTTP traces.

    Args:
        role: `sluice-handoff` or `sluice-worker`.
        endpoint: None means that nobody wants spans.
    """
    if endpoint is None:
        return Spans(role, None)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return Spans(role, OTLPSpanExporter(endpoint=endpoint, timeout=_EXPORT_SECONDS))
