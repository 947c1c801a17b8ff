"""Objects that go back: open until the trusted side says that it has them, given behind a claim, acknowledged once."""

import hashlib
import json

import pytest

from handoff.contract.canonical import canonical_json
from handoff.contract.returned import Acknowledgement, Claim, object_id
from handoff.handoffs.states import State
from tests.integration.handoff.running import annotated_study, batch_of, hand_off

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def inferred(working):
    """A run that made one segmentation."""
    annotated_study(working, "P0777")
    batch = batch_of(working)
    for kind in ("prepare", "train"):
        view = working.client.wait(hand_off(working, batch, kind).id, 150)
        assert view.state == State.SUCCEEDED, working.client.logs(view.id)
    view = working.client.wait(hand_off(working, batch, "infer", model=view.made_model).id, 150)
    assert view.state == State.SUCCEEDED, working.client.logs(view.id)
    return view


def open_ids(working) -> list[str]:
    return [item["id"] for item in working.get("/v1/results/objects", "token").json()["items"]]


def acknowledge(working, id_: str, **said):
    body = canonical_json(Acknowledgement.model_validate(said))
    return working.put(f"/v1/results/objects/{id_}/acknowledgement", body, **{"Content-Type": "application/json"})


def test_an_object_is_listed_until_it_is_acknowledged_and_a_repeat_changes_nothing(working, inferred):
    (file,) = [file for file in inferred.files if file.role == "segmentation"]
    id_ = object_id(inferred.id, file.path)
    assert open_ids(working) == [id_]
    assert [item["handoff"] for item in working.get("/v1/results?open=true").json()["items"]] == [inferred.id]

    answer = working.get(f"/v1/results/objects/{id_}", "token")
    line, _, content = answer.content.partition(b"\n")
    claim = Claim.model_validate_json(line)
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert (claim.id, claim.handoff, claim.path, claim.model) == (id_, inferred.id, file.path, inferred.model)
    assert (hashlib.sha256(content).hexdigest(), len(content)) == (claim.sha256, claim.size) == (file.sha256, file.size)
    batch = json.loads(working.client.batch(inferred.batch).model_dump_json())
    assert sorted(claim.shipments) == sorted(batch["provenance"]["shipments"])

    said = {"sha256": claim.sha256, "size": claim.size, "outcome": "held", "reason": "unknown-pseudonym"}
    assert acknowledge(working, id_, **said).json() == {"id": id_, "outcome": "held"}
    assert open_ids(working) == []
    assert working.get("/v1/results?open=true").json()["items"] == []
    again = acknowledge(working, id_, **{**said, "outcome": "accepted", "reason": None})
    assert again.json() == {"id": id_, "outcome": "held"}, "the first word stays"
    (node,) = [node for node in working.client.trace(inferred.id).nodes if node.id == f"{inferred.id}/{file.path}"]
    assert (node.facts["acknowledged"], node.facts["held_because"]) == ("held", "unknown-pseudonym")


def test_an_acknowledgement_of_other_bytes_is_a_conflict(working, inferred):
    (file,) = [file for file in inferred.files if file.role == "segmentation"]
    wrong = acknowledge(working, object_id(inferred.id, file.path), sha256="0" * 64, size=file.size, outcome="accepted")
    assert (wrong.status_code, wrong.json()["code"]) == (409, "conflict")


def test_what_no_result_has_is_not_found(working):
    assert working.get(f"/v1/results/objects/{'0' * 32}").status_code == 404
    assert acknowledge(working, "0" * 32, sha256="0" * 64, size=1, outcome="accepted").status_code == 404


def test_only_the_intake_token_acknowledges(working, inferred):
    token = (working.home / "research" / "api-token").read_text().strip()
    body = canonical_json(Acknowledgement(sha256="0" * 64, size=1, outcome="accepted"))
    answer = working.put(f"/v1/results/objects/{'0' * 32}/acknowledgement", body, Authorization=f"Bearer {token}")
    assert answer.status_code == 403


def test_volumes_models_and_reports_stay_where_they_are(working, inferred):
    roles = {file.role for result in working.client.results("lungs") for file in result.files}
    assert roles > {"segmentation"}
    assert open_ids(working) == []
