"""What operators see: one trace from a delivery to the run that it became part of, one line each, and counts."""

import json

import pytest
from prometheus_client.parser import text_string_to_metric_families

from handoff.handoffs.states import State
from tests.integration.handoff.running import CODE, annotated_study, batch_of, hand_off, let_go, running
from tests.otlp_sink import OtlpSink
from tests.waiting import wait_for

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def sink():
    with OtlpSink() as sink:
        yield sink


@pytest.fixture(scope="module")
def watched(tmp_path_factory, toy_yaml, sink):
    """A service with a worker whose spans go to the sink, once a batch was prepared, and the handoff that did."""
    settings = {"telemetry": {"otlp_endpoint": sink.endpoint}}
    with running(tmp_path_factory.mktemp("home"), worker=True, settings=settings) as service:
        service.client.register_pipeline("toy", toy_yaml, CODE)
        packages = [annotated_study(service, "P0001"), annotated_study(service, "P0002")]
        view = hand_off(service, batch_of(service), spoil="held")
        let_go(service, view)
        view = service.client.wait(view.id, 150)
        assert view.state == State.SUCCEEDED
        service.packages, service.view = packages, view
        yield service


def test_the_run_is_in_the_trace_of_the_last_shipment_of_its_batch(watched, sink):
    wait_for(lambda: sink.named("handoff prepare"))
    (run,) = sink.named("handoff prepare")
    assert run.service == "sluice-worker"
    shipments = {item["id"] for item in watched.get("/v1/shipments?project=lungs").json()["items"]}
    assert run.trace in shipments
    assert run.parent == run.trace[:16]
    assert {run.trace, *run.links} == shipments
    assert run.attributes["sluice.handoff"] == watched.view.id
    assert run.attributes["sluice.state"] == "SUCCEEDED"


def test_its_states_are_its_children_in_their_order(watched, sink):
    wait_for(lambda: sink.named("handoff prepare"))
    (run,) = sink.named("handoff prepare")
    named = {"accepted", "submitting", "running"}
    wait_for(lambda: {span.name for span in sink.spans if span.parent == run.id} >= named)  # in a later export perhaps
    parts = sorted((span for span in sink.spans if span.parent == run.id), key=lambda span: (span.start, span.end))
    assert parts[0].start >= run.start - 10**9
    assert parts[-1].end <= run.end + 10**9
    assert {part.trace for part in parts} == {run.trace}


def test_a_request_goes_on_with_the_trace_of_its_caller(watched, sink):
    """W3C Trace Context; NiFi's InvokeHTTP sends the shipment's id as the trace."""
    shipment = "ab" * 16
    answer = watched.put(f"/v1/shipments/{shipment}", b"x", traceparent=f"00-{shipment}-{shipment[:16]}-01")
    assert answer.status_code >= 400
    wait_for(lambda: [span for span in sink.spans if span.trace == shipment])
    (span,) = [span for span in sink.spans if span.trace == shipment]
    assert span.service == "sluice-handoff"
    assert (span.name, span.parent) == ("PUT /v1/shipments/{shipment_id}", shipment[:16])
    wait_for(lambda: [line for line in logged(watched, "request") if line.get("trace") == shipment])


def logged(watched, event: str) -> list[dict]:
    """The lines of an event in the log of the service and its worker; the last line may still be written."""
    text = (watched.home / "service.log").read_text()
    lines = [json.loads(line) for line in text.rpartition("\n")[0].splitlines() if line[:1] == "{"]
    return [line for line in lines if line["event"] == event]


def test_a_run_has_one_line_with_all_that_matters(watched):
    wait_for(lambda: [line for line in logged(watched, "run") if line["handoff_id"] == watched.view.id])
    (line,) = [line for line in logged(watched, "run") if line["handoff_id"] == watched.view.id]
    assert (line["state"], line["kind"], line["target"], line["attempts"]) == ("SUCCEEDED", "prepare", "local", 1)
    assert line["seconds"] > 0
    assert line["trace"]


def test_metrics_count_requests_and_what_the_database_holds(watched):
    text = watched.get("/metrics").text
    found = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["sluice_handoffs", (("kind", "prepare"), ("state", "SUCCEEDED"))] == 1
    assert found["sluice_outbox", ()] == 0
    assert found["sluice_oldest_handoff_seconds", ()] == 0
    assert found["sluice_request_seconds_count", (("route", "/v1/shipments/{shipment_id}"),)] >= 2


def test_a_collector_that_is_down_costs_nothing_but_spans(tmp_path):
    with running(tmp_path, settings={"telemetry": {"otlp_endpoint": "http://127.0.0.1:9/v1/traces"}}) as service:
        assert service.get("/healthz").status_code == 200
        assert service.get("/v1/studies").status_code == 200
