"""Aliases and promotions over HTTP: who may ask, who may decide, and what each of them is answered."""

import json

import pytest

from handoff.database.tables import Batch
from handoff.service import Service
from handoff.settings import Settings
from tests.unit.access.asking import ask, made
from tests.unit.handoff.rows import add_surroundings
from tests.unit.models.registry import add_model

GATE = {"metrics": {"dice": {"at_least": 0.8}}, "second_person": True}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    (home / "research").mkdir()
    (home / "research/handoff.yaml").write_text(json.dumps({"projects": {"lungs": {"promotion": GATE}}}))
    service = Service.open(Settings.load(home))
    with service.database.write() as session:
        add_surroundings(session)
        facts = {"project": "lungs", "file_sha256": "", "test_percent": 25, "instances": 1, "annotations": 0}
        session.add(Batch(id="b" * 64, facts={}, created_at=0.0, **facts))
        session.flush()
        for version, dice in ((1, 0.9), (2, 0.7), (3, 0.85)):
            add_model(session, version, batch="b" * 64, dice=dice)
    yield service
    service.database.close()


@pytest.fixture(scope="module")
def people(service):
    """The token of each."""
    named = {"ada": "ml-engineer", "bob": "ml-engineer", "otto": "operator", "audrey": "auditor"}
    tokens = {name: made(service, name, role)[1] for name, role in named.items()}
    return {**tokens, "guest": made(service, "guest", "ml-engineer", ["hearts"])[1]}


def put(service, token: str, version: int, alias: str = "champion"):
    body = {"version": version, "reason": "it is better"}
    return ask(service, "PUT", f"/v1/models/unet/aliases/{alias}", token, json=body)


def decide(service, token: str, promotion: str, how: str):
    return ask(service, "POST", f"/v1/promotions/{promotion}:{how}", token, json={"reason": "looked at it"})


def test_one_asks_and_another_approves_and_then_the_name_means_the_version(service, people):
    asked = put(service, people["ada"], 1)
    assert (asked.status_code, asked.json()["state"], asked.json()["asked_by"]) == (202, "waiting", "ada")
    promotion = asked.json()["id"]
    own = decide(service, people["ada"], promotion, "approve")
    assert (own.status_code, own.json()["code"]) == (403, "second-person")
    approved = decide(service, people["bob"], promotion, "approve")
    assert (approved.status_code, approved.json()["decided_by"]) == (200, "bob")
    model = ask(service, "GET", "/v1/models/unet@champion", people["audrey"])
    assert (model.json()["id"], model.json()["aliases"]) == ("unet:1", ["champion"])
    (alias,) = ask(service, "GET", "/v1/models/unet/aliases", people["audrey"]).json()["items"]
    assert (alias["alias"], alias["version"], alias["set_by"]) == ("champion", "unet:1", "bob")
    assert put(service, people["ada"], 1).status_code == 200
    trace = ask(service, "GET", "/v1/trace/unet@champion", people["audrey"]).json()
    assert trace["start"] == "model:unet:1"


def test_what_the_gate_refuses_is_a_problem_that_says_where_its_findings_are(service, people):
    answer = put(service, people["ada"], 2)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "gate-refused")
    path = next(word for word in problem["remedy"].split() if word.startswith("/v1/promotions/"))
    found = ask(service, "GET", path, people["audrey"]).json()
    assert [finding["shortfall"] for finding in found["findings"]] == [None, "too-low"]
    assert (found["state"], found["decided_by"]) == ("refused", "gate")


@pytest.mark.parametrize("who", ["otto", "audrey"])
def test_who_only_operates_or_audits_neither_asks_nor_decides(service, people, who):
    assert put(service, people[who], 3).status_code == 403
    waiting = put(service, people["ada"], 3, "challenger").json()["id"]
    for how in ("approve", "refuse"):
        assert decide(service, people[who], waiting, how).status_code == 403


def test_nothing_of_another_project_is_seen_or_moved(service, people):
    waiting = put(service, people["ada"], 3, "challenger").json()["id"]
    guest = people["guest"]
    assert put(service, guest, 3).status_code == 404
    assert decide(service, guest, waiting, "refuse").status_code == 404
    for path in (f"/v1/promotions/{waiting}", "/v1/models/unet:1", "/v1/models/unet/aliases", "/v1/trace/unet:1"):
        assert ask(service, "GET", path, guest).status_code == 404
    for path in ("/v1/promotions", "/v1/models", "/v1/lineage"):
        assert ask(service, "GET", path, guest).json()["items"] == []


def test_promotions_are_listed_by_page_and_by_state(service, people):
    everything, query = [], {"limit": 1}
    while query.get("after", "") is not None:
        page = ask(service, "GET", "/v1/promotions", people["audrey"], params=query).json()
        everything += [row["id"] for row in page["items"]]
        query["after"] = page["next"]
    assert len(everything) == len(set(everything)) >= 3
    refused = ask(service, "GET", "/v1/promotions?state=refused&model=unet", people["audrey"]).json()["items"]
    assert {row["state"] for row in refused} == {"refused"}


def test_the_log_tells_of_promotions_and_goes_on_where_it_was_left(service, people):
    first = ask(service, "GET", "/v1/lineage?limit=1", people["audrey"]).json()
    assert first["items"][0]["event"] == "promotion-asked"
    rest = ask(service, "GET", f"/v1/lineage?after={first['next']}", people["audrey"]).json()
    assert rest["items"][0]["id"] > first["items"][0]["id"]
    assert '"ada"' not in json.dumps(rest)  # between quotes: it may be letters of a random id


@pytest.mark.parametrize(
    "path",
    [
        "/v1/trace/unet:1/up?kind=study&after=x",
        "/v1/trace/unet:1/sideways?kind=batch",
        "/v1/trace/unet:1/up",
        "/v1/trace/unet:1?limit=0",
        "/v1/lineage?after=-1",
        "/v1/promotions?after=nothing",
    ],
)
def test_a_question_that_cannot_be_meant_is_a_problem(service, people, path):
    assert ask(service, "GET", path, people["audrey"]).status_code == 422


def test_a_line_is_given_as_prov_and_by_single_steps(service, people):
    prov = ask(service, "GET", "/v1/trace/unet:1/prov", people["audrey"]).json()
    assert "sluice:model/unet%3A1" in prov["entity"]
    (above,) = ask(service, "GET", "/v1/trace/unet:1/up?kind=handoff", people["audrey"]).json()["items"]
    assert above["kind"] == "handoff"
