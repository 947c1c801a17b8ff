"""A service with rules, as it runs: studies arrive, and what the project decided happens."""

import secrets

import pytest

from handoff.client import ProblemError
from handoff.contract.canonical import canonical_json
from handoff.contract.commitment import StorageCommitment
from handoff.contract.expected import ExpectedSeries
from handoff.contract.performed import PerformedStep
from handoff.errors import StartError
from handoff.handoffs.states import State
from handoff.schemas.rules import SignalRequest
from tests.integration.handoff.packages import Package, evidence_for, new_id
from tests.integration.handoff.running import CODE, compile_toy, running, starts, wait_complete
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
STEP = {"pipeline": "toy", "parameters": {"kind": "prepare"}}
RULES = {
    "each": {"when": {"trigger": "study"}, "prepare": STEP},
    "drifted": {"when": {"trigger": "drift"}, "prepare": STEP, "at_most_per_day": 1},
}


@pytest.fixture(scope="module")
def working(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    with running(home, worker=True, settings={"projects": {"lungs": {"rules": RULES}}}) as service:
        service.client.register_pipeline("toy", compile_toy(home / "toy.yaml"), CODE)
        yield service


def fired(service, number: int) -> list:
    """The handoffs of the project, once so many firings of `each` have fired."""
    wait_for(lambda: len(list(service.client.firings("lungs", "each", "fired"))) == number, seconds=150)
    return list(service.client.handoffs("lungs"))


@pytest.fixture(scope="module")
def two_studies(working):
    packages = Package.of(2, patient="P0001"), Package.of(2, patient="P0002")
    for package in packages:
        working.deliver(package)
    fired(working, 2)
    return packages


def test_each_study_is_prepared_without_anybody_asking(working, two_studies):
    ended = [working.client.wait(view.id, 150) for view in fired(working, 2)]
    assert [(view.kind, view.state, starts(working, view)) for view in ended] == [("prepare", State.SUCCEEDED, 1)] * 2
    rule = next(rule for rule in working.client.rules() if rule.rule == "each")
    assert (rule.fired_today, rule.waiting, rule.why_not) == (2, 0, "no-new-study")


def test_late_instances_make_the_next_version_and_only_that_study_runs_again(working, two_studies):
    before = {view.id for view in fired(working, 2)}
    first = two_studies[0]
    working.deliver(Package.of(1, patient=first.patient, study=first.study))
    wait_complete(working, first.study, version=2)
    new = [view for view in fired(working, 3) if view.id not in before]
    assert [tuple(working.client.batch(view.batch).provenance.studies) for view in new] == [(first.study,)]
    versions = working.client.study("lungs", first.study).versions
    assert [(one.version, one.instances) for one in versions] == [(1, 2), (2, 3)]


def test_a_verdict_on_drift_lets_the_whole_project_run_once(working, two_studies):
    said = {"id": secrets.token_hex(16), "project": "lungs", "kind": "drift", "name": "watcher", "verdict": "drift"}
    signal = SignalRequest.model_validate(said)
    assert [working.client.send_signal(signal).rules for _ in range(2)] == [("drifted",)] * 2
    wait_for(lambda: [one.state.value for one in working.client.firings("lungs", "drifted")] == ["fired"])
    with pytest.raises(ProblemError, match="409 signal-differs"):
        working.client.send_signal(signal.model_copy(update={"verdict": "suspected"}))
    with pytest.raises(ProblemError, match="404"):
        list(working.client.firings("lungs", "nothing"))


def test_a_person_closes_a_study_and_a_late_shipment_needs_no_second_word(working):
    first = Package.of(2)
    second = Package.of(1, study=first.study, patient=first.patient)
    assert working.put(f"/v1/shipments/{first.id}", first.body()).status_code == 201
    evidence = evidence_for(first, second)
    working.put(f"/v1/evidence/{evidence.evidence_id}", canonical_json(evidence))
    wait_for(lambda: working.client.study("lungs", first.study).waiting_for == "shipments-missing")
    closed = working.client.close_study("lungs", first.study, "the scanner's disk is gone")
    assert (closed.state, closed.version, closed.instances) == ("complete", 1, 2)
    assert closed.closed_by == {
        "rule": "forced",
        "by": closed.closed_by["by"],
        "reason": "the scanner's disk is gone",
        "waited_for": "shipments-missing",
        "evidence": [evidence.evidence_id],
        "shipments": 1,
        "delivered": 2,
    }
    with pytest.raises(ProblemError, match="409 study-complete"):
        working.client.close_study("lungs", first.study, "again")
    assert working.put(f"/v1/shipments/{second.id}", second.body()).status_code == 201
    wait_complete(working, first.study, version=2)


@pytest.mark.parametrize("reason", ["", " ", "a\nb", "x" * 257])
def test_a_person_says_why(working, reason):
    with pytest.raises(ProblemError, match="422"):
        working.client.close_study("lungs", "1.2.3", reason)


def test_a_study_of_which_nothing_is_here_is_not_closed(working):
    package = Package.of(1)
    evidence = evidence_for(package)
    working.put(f"/v1/evidence/{evidence.evidence_id}", canonical_json(evidence))
    with pytest.raises(ProblemError, match="422 study-empty"):
        working.client.close_study("lungs", package.study, "a reason")
    with pytest.raises(ProblemError, match="404"):
        working.client.close_study("lungs", "1.2.3", "a reason")


def test_lists_of_a_modality_and_named_series_close_studies_without_a_release(working):
    listed, counted, performed = Package.of(3), Package.of(2), Package.of(2)
    said = {"evidence_id": new_id(), "project": "lungs"}
    commitment = StorageCommitment.model_validate(
        {
            **said,
            "study_instance_uid": listed.study,
            "request": new_id(),
            "revision": 1,
            "instances": listed.uids,
            "total": 3,
        }
    )
    series = {"series_instance_uid": counted.series, "expected": 2}
    numbers = ExpectedSeries.model_validate(
        {
            **said,
            "evidence_id": new_id(),
            "study_instance_uid": counted.study,
            "revision": 1,
            "counted_by": "operator",
            "all_series": True,
            "series": [series],
        }
    )
    step = PerformedStep.model_validate(
        {
            **said,
            "evidence_id": new_id(),
            "study_instance_uid": performed.study,
            "step": new_id(),
            "revision": 1,
            "instances": performed.uids,
            "total": 2,
        }
    )
    for package, evidence in ((listed, commitment), (counted, numbers), (performed, step)):
        path = f"/v1/evidence/{evidence.evidence_id}"
        assert working.put(path, canonical_json(evidence)).status_code == 201
        assert working.put(f"/v1/shipments/{package.id}", package.body()).status_code == 201
        assert working.put(path, canonical_json(evidence)).status_code == 200
    wait_complete(working, counted.study)
    assert working.client.study("lungs", counted.study).closed_by["rule"] == "expected-series"
    wait_complete(working, listed.study)
    assert working.client.study("lungs", listed.study).closed_by["rule"] == "storage-commitment"
    wait_complete(working, performed.study)
    assert working.client.study("lungs", performed.study).closed_by["rule"] == "performed-step"


def test_a_service_with_a_rule_that_can_start_nothing_does_not_start(tmp_path):
    from handoff.service import Service
    from handoff.settings import Settings

    rules = {"mine": {**RULES["each"], "prepare": {**STEP, "target": "nowhere"}}}
    with pytest.raises(StartError, match="no target or pool nowhere"):
        Service.open(Settings(home=tmp_path, projects={"lungs": {"rules": rules}}))
