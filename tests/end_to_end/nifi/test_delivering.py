"""What the deliver flow does with each answer of the handoff: it repeats what may pass, and drops nothing undecided."""

import hashlib

import pytest

from nifi.releases.groups import children, require_parent
from nifi.releases.rules import ATTRIBUTES
from nifi.releases.schedule import start, stop
from nifi.releases.status import status_of
from nifi.rest import NiFi, wait_for
from tests.end_to_end.nifi.scripted_handoff import DROP

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]

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
SHIPMENT = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def send(nifi, deployed, handoff, tmp_path):
    """Put one FlowFile before the deliver group, as de-identification would, and take its sender away afterwards."""
    package = tmp_path / "package.zip"
    package.write_bytes(b"package " * 1000)
    with NiFi(nifi.url) as api:
        parent = require_parent(api, "Sluice")
        made = []

        def send_one(kind: str = "shipment") -> bytes:
            content = package.read_bytes()
            attributes = {
                "package.path": str(package),
                "package.sha256": hashlib.sha256(content).hexdigest(),
                "shipment.id": SHIPMENT,
                "kind": kind,
            }
            component = {
                "type": "org.apache.nifi.processors.standard.GenerateFlowFile",
                "config": {"properties": attributes, "schedulingPeriod": "1 day"},
                "position": {"x": 0.0, "y": 900.0},
            }
            sender = api.post(
                f"/process-groups/{parent.id}/processors", {"revision": {"version": 0}, "component": component}
            )
            deliver = children(api, parent)["deliver"]
            ports = api.get(f"/process-groups/{deliver.id}/input-ports")["inputPorts"]
            port = next(entry["id"] for entry in ports if entry["component"]["name"] == "packages")
            line = {
                "source": {"id": sender["id"], "groupId": parent.id, "type": "PROCESSOR"},
                "destination": {"id": port, "groupId": deliver.id, "type": "INPUT_PORT"},
                "selectedRelationships": ["success"],
            }
            connection = api.post(
                f"/process-groups/{parent.id}/connections", {"revision": {"version": 0}, "component": line}
            )
            made.append((sender["id"], connection["id"]))
            revision = api.get(f"/processors/{sender['id']}")["revision"]
            api.put(f"/processors/{sender['id']}/run-status", {"revision": revision, "state": "RUN_ONCE"})
            return content

        yield send_one
        stop(api, parent)
        for sender, connection in made:
            revision = api.get(f"/connections/{connection}")["revision"]
            api.delete(f"/connections/{connection}", version=str(revision["version"]))
            revision = api.get(f"/processors/{sender}")["revision"]
            api.delete(f"/processors/{sender}", version=str(revision["version"]))
        start(api, parent)


def test_a_package_is_put_with_its_digest_and_the_token_under_its_shipments_id(send, handoff, nifi):
    handoff.script[:] = []
    content = send()
    request = handoff.requests.get(timeout=60)
    assert request.path == f"/v1/shipments/{SHIPMENT}"
    assert request.body == content
    headers = {name.lower(): value for name, value in request.headers.items()}
    assert headers["authorization"] == "Bearer not-a-real-token-of-anybody"
    assert headers["sluice-sha256"] == hashlib.sha256(content).hexdigest()
    assert headers["content-type"] == "application/zip"
    assert headers["traceparent"] == f"00-{SHIPMENT}-{SHIPMENT[:16]}-01", "the shipment's id is its trace"
    wait_for("empty the queues", lambda: status_of(nifi.url).waiting == 0)
    assert handoff.requests.empty(), "a decided answer is not asked for again"


def test_evidence_goes_to_its_own_door_as_json(send, handoff):
    handoff.script[:] = []
    send("evidence")
    request = handoff.requests.get(timeout=60)
    assert request.path == f"/v1/evidence/{SHIPMENT}"
    assert {name.lower(): value for name, value in request.headers.items()}["content-type"] == "application/json"


@pytest.mark.parametrize(
    "answers", [[DROP, 503, 500], [401, 404, 429], [302]], ids=["no answer and 5xx", "undecided 4xx", "redirect"]
)
def test_what_is_undecided_is_sent_again_until_there_is_a_decision(send, handoff, nifi, answers):
    handoff.script[:] = [*answers, 409]
    content = send()
    for _ in range(len(answers) + 1):
        request = handoff.requests.get(timeout=90)
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
    submitted = api.post("/provenance", query)["provenance"]["id"]

    def answer():
        found = api.get(f"/provenance/{submitted}")["provenance"]
        return found["results"]["provenanceEvents"] if found["finished"] else None

    events = wait_for("search provenance", answer)
    api.delete(f"/provenance/{submitted}")
    details = [api.get(f"/provenance-events/{event['eventId']}")["provenanceEvent"] for event in events]
    return {attribute["name"] for event in details for attribute in event["attributes"]}
