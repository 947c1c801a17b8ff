"""What the return flow does with an answer of a research side that means harm: its headers name nothing."""

import hashlib
import json

import pytest

from handoff.contract.canonical import canonical_json
from handoff.contract.returned import Claim, object_id
from nifi.releases.rules import ATTRIBUTES
from nifi.rest import NiFi, wait_for

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
HANDOFF = "ab" * 16
HOSTILE = {
    "filename": "../../../escaped",
    "path": "/tmp/escaped",
    "absolute.path": "/tmp/escaped",
    "delivery.id": "f" * 32,
    "kind": "delivery",
    "X-Word": "smuggled",
}


@pytest.fixture
def fetched(nifi, deployed, handoff):
    """An object that was fetched with hostile headers, and how it was acknowledged."""
    content = b"no DICOM, but that is for later"
    path = "segmentations/1.dcm"
    claim = Claim(
        id=object_id(HANDOFF, path),
        handoff=HANDOFF,
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        project="lung",
        batch="cd" * 32,
        shipments=(),
    )
    handoff.headers.update(HOSTILE)
    handoff.objects[claim.id] = canonical_json(claim) + b"\n" + content
    return claim, content, handoff.acknowledgements.get(timeout=180)


def test_headers_of_an_answer_name_no_file_and_go_no_further_than_the_inbox(nifi, fetched, parameters):
    claim, content, acknowledged = fetched
    assert acknowledged.path == f"/v1/results/objects/{claim.id}/acknowledgement"
    said = json.loads(acknowledged.body)
    assert (said["sha256"], said["outcome"], said["reason"]) == (claim.sha256, "held", "no-destination")
    landing = nifi.home / "trusted" / "landing"
    assert (landing / "results" / claim.id / "object.dcm").read_bytes() == content
    assert not list(nifi.home.parent.rglob("*escaped*"))
    with NiFi(nifi.url) as api:
        names = attribute_names(api, claim.id)
    assert {"delivery.id", "delivery.n", "kind", "receipt"} <= names
    assert {name for name in names if name not in ATTRIBUTES and not name.startswith(NIFIS_OWN)} == set()


def attribute_names(api: NiFi, id_: str) -> set[str]:
    """Names of all attributes that provenance has of FlowFiles about an object."""
    term = {"delivery.id": {"value": id_, "inverse": False}}
    query = {"provenance": {"request": {"searchTerms": term, "maxResults": 1000, "summarize": False}}}

    def answer():
        submitted = api.post("/provenance", query)["provenance"]["id"]
        found = wait_for("search provenance", lambda: finished(submitted))
        api.delete(f"/provenance/{submitted}")
        return found

    def finished(submitted: str):
        found = api.get(f"/provenance/{submitted}")["provenance"]
        return found if found["finished"] else None

    events = wait_for("index provenance", lambda: answer()["results"]["provenanceEvents"])
    details = [api.get(f"/provenance-events/{event['eventId']}")["provenanceEvent"] for event in events]
    return {attribute["name"] for event in details for attribute in event["attributes"]}
