"""What the deliver flow does with each answer of the handoff: it repeats what may pass, and drops nothing undecided."""

import hashlib

import pytest

from nifi.releases.rules import ATTRIBUTES
from nifi.releases.status import status_of
from nifi.rest import NiFi, wait_for
from tests.end_to_end.nifi.scripted_handoff import DROP, SHIPMENT

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(1500)]

NIFIS_OWN = (
    "uuid",
    "filename",
    "path",
    "fragment.",
    "segment.",
    "invokehttp.",
    "RouteOnAttribute.Route",
    "retryCount.",
)


def test_a_package_is_put_with_its_digest_and_the_token_under_its_shipments_id(send, handoff, nifi):
    handoff.script[:] = []
    content = send()
    request = handoff.requests.get(timeout=180)
    assert request.path == f"/v1/shipments/{SHIPMENT}"
    assert request.body == content
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers["authorization"] == "Bearer not-a-real-token-of-anybody"
    assert headers["sluice-sha256"] == hashlib.sha256(content).hexdigest()
    assert headers["content-type"] == "application/zip"
    assert headers["traceparent"] == f"00-{SHIPMENT}-{SHIPMENT[:16]}-01", "the shipment's id is its trace"
    wait_for("empty the queues", lambda: status_of(nifi.url).waiting == 0)
    assert handoff.requests.empty(), "a decided answer is not asked for again"


@pytest.mark.parametrize("kind", ["evidence", "labels"])
def test_evidence_and_labels_go_to_doors_of_their_own_as_json(send, handoff, kind):
    handoff.script[:] = []
    send(kind)
    request = handoff.requests.get(timeout=180)
    assert request.path == f"/v1/{kind}/{SHIPMENT}"
    assert {name.lower(): value for name, value in request.headers.items()}["content-type"] == "application/json"


@pytest.mark.parametrize(
    "answers", [[DROP, 503, 500], [401, 404, 429], [302]], ids=["no answer and 5xx", "undecided 4xx", "redirect"]
)
def test_what_is_undecided_is_sent_again_until_there_is_a_decision(send, handoff, nifi, answers):
    handoff.script[:] = [*answers, 409]
    content = send()
    for _ in range(len(answers) + 1):
        request = handoff.requests.get(timeout=180)
        assert (request.path, request.body) == (f"/v1/shipments/{SHIPMENT}", content)
    wait_for("empty the queues", lambda: status_of(nifi.url).waiting == 0)
    assert handoff.requests.empty()
    assert handoff.script == []
    with NiFi(nifi.url) as api:
        strange = {name for name in attribute_names(api) if name not in ATTRIBUTES and not name.startswith(NIFIS_OWN)}
    assert strange == set()


def attribute_names(api: NiFi) -> set[str]:
    """Names of all attributes that provenance has of the shipment."""
    term = {"shipment.id": {"value": SHIPMENT, "inverse": False}}
    query = {"provenance": {"request": {"searchTerms": term, "maxResults": 1000, "summarize": False}}}

    def answer():
        submitted = api.post("/provenance", query)["provenance"]["id"]
        found = wait_for("search provenance", lambda: finished(submitted))
        api.delete(f"/provenance/{submitted}")
        return found["results"]["provenanceEvents"]

    def finished(submitted: str):
        found = api.get(f"/provenance/{submitted}")["provenance"]
        return found if found["finished"] else None

    events = wait_for("index provenance", answer)
    details = [api.get(f"/provenance-events/{event['eventId']}")["provenanceEvent"] for event in events]
    return {attribute["name"] for event in details for attribute in event["attributes"]}
