"""Retry, rerun, pools and quotas as the API takes them."""

import pytest
from sqlalchemy import select

from handoff.database.tables import Batch, DuplicateRun, OutboxRow
from handoff.errors import StartError
from handoff.service import Service
from handoff.settings import Settings
from tests.unit.handoff.asking import Asking
from tests.unit.handoff.rows import BATCH, PIPELINE, add_decidable, add_handoff

SETTINGS = """
targets: {left: {gpus: 2}, right: {gpus: 2}, local: {}}
pools: {gpus: [left, right]}
projects: {hearts: {gpus: 1}}
"""
DECISION = {"kind": "prepare", "batch": BATCH, "pipeline": "toy"}
HEARTS = "7" * 64


@pytest.fixture
def service(tmp_path):
    (tmp_path / "research").mkdir()
    (tmp_path / "research/handoff.yaml").write_text(SETTINGS)
    service = Service.open(Settings.load(tmp_path))
    with service.database.write() as session:
        add_decidable(session)
        add_decidable(session, "hearts", HEARTS)
    yield service
    service.database.close()


@pytest.fixture
def asking(service):
    return Asking(service)


def ended(service, state: str = "FAILED", **facts: object) -> str:
    """An ended handoff; its id."""
    run = {"batch_id": BATCH, "pipeline_id": PIPELINE, "ended_at": 1.0, "state": state}
    with service.database.write() as session:
        add_handoff(session, id="e" * 32, key="e" * 64, **{**run, **facts})
    return "e" * 32


def post(asking, handoff: str, verb: str, body: object = None):
    return asking.ask("POST", f"/v1/handoffs/{handoff}:{verb}", body)


def test_a_pool_is_a_target_until_one_of_its_members_has_the_run(service, asking):
    view = asking.ask("POST", "/v1/handoffs", {**DECISION, "target": "gpus"}).json()
    assert (view["target"], view["pool"], view["gpus"], view["asked_by"]) == ("gpus", "gpus", 2, "home")
    with service.database.read() as session:
        assert session.scalars(select(OutboxRow.target)).one() == "gpus"


def test_a_run_that_takes_more_gpus_than_its_project_may_ever_have_is_refused_at_once(asking):
    answer = asking.ask("POST", "/v1/handoffs", {**DECISION, "batch": HEARTS, "target": "gpus"})
    assert (answer.status_code, answer.json()["code"]) == (422, "gpu-quota")
    assert asking.ask("POST", "/v1/handoffs", {**DECISION, "batch": HEARTS, "target": "local"}).status_code == 202


@pytest.mark.parametrize(
    "pools",
    ["{left: [right]}", "{gpus: [left, left]}", "{gpus: [left, absent]}", "{gpus: []}", "{gpus: [left, local]}"],
    ids=["a target's name", "twice", "unknown", "none", "unequal"],
)
def test_a_pool_that_cannot_be_meant_is_an_error_at_start(tmp_path, pools):
    (tmp_path / "research").mkdir()
    (tmp_path / "research/handoff.yaml").write_text(SETTINGS.replace("{gpus: [left, right]}", pools))
    with pytest.raises(StartError, match="pools"):
        Settings.load(tmp_path)


@pytest.mark.parametrize("state", ["FAILED", "REJECTED"])
def test_a_dead_letter_is_retried_as_the_same_handoff_and_again_changes_nothing(service, asking, state):
    handoff = ended(service, state, reason="pipeline-invalid", attempts=0)
    assert asking.ask("GET", f"/v1/handoffs/{handoff}").json()["dead_letter"] is True
    answers = [post(asking, handoff, "retry") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    view = answers[1].json()
    assert (view["id"], view["key"], view["state"], view["reason"]) == (handoff, "e" * 64, "ACCEPTED", None)
    assert (view["ended_at"], view["dead_letter"], view["queue_position"]) == (None, False, 1)
    assert [(event["event"], event["reason"]) for event in view["events"]] == [("ACCEPTED", "retried")]
    with service.database.read() as session:
        assert len(session.scalars(select(OutboxRow)).all()) == 1


@pytest.mark.parametrize(
    ("state", "facts"),
    [
        ("FAILED", {"reference": "run-1"}),
        ("SUCCEEDED", {"reference": "run-1"}),
        ("LOST", {"reference": "run-1"}),
        ("CANCELED", {}),
    ],
)
def test_what_an_engine_had_or_a_person_ended_is_not_retried(service, asking, state, facts):
    answer = post(asking, ended(service, state, **facts), "retry")
    assert (answer.status_code, answer.json()["code"]) == (409, "no-dead-letter")


def test_a_dead_letter_whose_late_run_was_ended_as_a_duplicate_is_not_retried(service, asking):
    handoff = ended(service, attempts=8)
    with service.database.write() as session:
        session.add(DuplicateRun(handoff_id=handoff, target="local", reference="late", kept=None, found_at=2.0))
    assert post(asking, handoff, "retry").json()["code"] == "no-dead-letter"


@pytest.mark.parametrize("verb", ["retry", "rerun"])
def test_what_has_not_ended_is_neither_retried_nor_run_again(asking, verb):
    handoff = asking.ask("POST", "/v1/handoffs", DECISION).json()["id"]
    answer = post(asking, handoff, verb, {"reason": "again"})
    assert (answer.status_code, answer.json()["code"]) == (409, "under-way")


def test_nothing_withdrawn_is_retried_or_run_again(service, asking):
    handoff = ended(service)
    with service.database.write() as session:
        session.get_one(Batch, BATCH).withdrawn_by = "w" * 32
    answers = [post(asking, handoff, "retry"), post(asking, handoff, "rerun", {"reason": "again"})]
    assert [answer.json()["code"] for answer in answers] == ["batch-withdrawn"] * 2


def test_a_rerun_is_a_new_handoff_of_the_same_with_a_new_key_and_a_reason(service, asking):
    handoff = ended(service, reference="run-1", parameters={"number": 3}, target="left", pool="gpus")
    answer = post(asking, handoff, "rerun", {"reason": " a node was broken "})
    view = answer.json()
    assert (answer.status_code, view["state"], view["parameters"]) == (202, "ACCEPTED", {"number": 3})
    assert (view["rerun_of"], view["rerun_reason"], view["target"]) == (handoff, "a node was broken", "gpus")
    assert (view["pipeline_version"], view["id"] != handoff, view["key"] != "e" * 64) == (PIPELINE, True, True)


def test_the_same_wish_is_the_same_rerun_however_often_it_is_sent(service, asking):
    handoff = ended(service, reference="run-1")
    wish = ("POST", f"/v1/handoffs/{handoff}:rerun", {"reason": "again"})
    answers = [*asking.ask_at_once([wish] * 6), asking.ask(*wish)]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sorted(answer.status_code for answer in answers) == [200] * 6 + [202]
    other = post(asking, handoff, "rerun", {"reason": "again, on another day"})
    assert other.json()["id"] != answers[0].json()["id"]


def test_a_rerun_uses_the_volumes_that_were_used_and_not_newer_ones(service, asking):
    prepare = {"kind": "prepare", "state": "SUCCEEDED", "batch_id": BATCH, "pipeline_id": PIPELINE}
    with service.database.write() as session:
        for number in (1, 2):
            add_handoff(session, id=f"{number}" * 32, key=f"{number}" * 64, ended_at=float(number), **prepare)
    handoff = ended(service, kind="train", prepared_by="1" * 32, reference="run-1")
    assert post(asking, handoff, "rerun", {"reason": "again"}).json()["prepared_by"] == "1" * 32


def test_a_rerun_without_a_reason_is_refused(service, asking):
    assert post(asking, ended(service, reference="run-1"), "rerun", {"reason": "  "}).status_code == 422


def test_dead_letters_can_be_listed_and_are_counted(service, asking):
    handoff = ended(service)
    asking.ask("POST", "/v1/handoffs", DECISION)
    listed = asking.ask("GET", "/v1/handoffs?dead_letter=true").json()["items"]
    assert [item["id"] for item in listed] == [handoff]
    assert "sluice_handoff_dead_letters 1.0" in asking.ask("GET", "/metrics").text


def test_the_answer_that_accepts_is_what_is_shown_but_for_the_place_and_a_repeat_is_all_of_it(asking):
    made, again = (asking.ask("POST", "/v1/handoffs", DECISION) for _ in range(2))
    shown = asking.ask("GET", f"/v1/handoffs/{made.json()['id']}").json()
    assert (made.status_code, again.status_code) == (202, 200)
    assert made.json() | {"queue_position": 1, "waits_for": "turn"} == again.json() == shown
    assert (made.json()["queue_position"], [each["event"] for each in shown["events"]]) == (None, ["ACCEPTED"])


def test_a_list_shows_places_in_the_queue(asking):
    for number in range(3):
        asking.ask("POST", "/v1/handoffs", {**DECISION, "parameters": {"number": number}})
    listed = asking.ask("GET", "/v1/handoffs").json()["items"]
    assert [(item["parameters"]["number"], item["queue_position"]) for item in listed] == [(2, 3), (1, 2), (0, 1)]


def test_what_waits_says_for_what(service, asking):
    with service.database.write() as session:
        run = {"batch_id": HEARTS, "pipeline_id": PIPELINE, "project": "hearts", "gpus": 1}
        add_handoff(session, id="1" * 32, key="1" * 64, state="RUNNING", target="left", **run)
        for digit, target in (("2", "left"), ("3", "removed")):
            add_handoff(session, id=digit * 32, key=digit * 64, state="ACCEPTED", target=target, **run)
            session.add(OutboxRow(handoff_id=digit * 32, target=target, due_at=0.0))
    listed = asking.ask("GET", "/v1/handoffs?project=hearts").json()["items"]
    waiting = {item["id"][0]: item["waits_for"] for item in listed}
    assert waiting == {"1": None, "2": "gpu-quota", "3": "target-gone"}
