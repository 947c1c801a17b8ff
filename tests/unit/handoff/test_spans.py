"""A collector costs spans, never time of the process that made them."""

import socket
import time

from handoff.telemetry.spans import open_spans


def test_a_collector_that_never_answers_does_not_keep_a_process_from_ending():
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections, and that is all
        spans = open_spans("sluice-worker", f"http://127.0.0.1:{silent.getsockname()[1]}/v1/traces")
        for _ in range(2000):  # more than one request's worth
            spans.tracer.start_span("request").end()
        began = time.monotonic()
        spans.close()
        assert time.monotonic() - began < 20
