"""Who may register what, and what may run on the service's own machine."""

import json

import pytest

from handoff.database.tables import Batch
from handoff.service import Service
from handoff.settings import Settings
from tests.unit.access.asking import ask, home_token, made

CLUSTER = {"backend": "kfp", "endpoint": "https://kubeflow.example", "image": f"registry.example/ml@sha256:{'a' * 64}"}
YAML = """
deploymentSpec: {}
root:
  inputDefinitions:
    parameters:
      batch_uri: {parameterType: STRING}
      handoff_key: {parameterType: STRING}
      result_uri: {parameterType: STRING}
"""
PIPELINE = {"name": "mine", "yaml": YAML, "code_digest": "c" * 64}
BATCH = "b" * 64


@pytest.fixture
def service(tmp_path):
    (tmp_path / "research").mkdir()
    targets = {"local": {}, "cluster": CLUSTER}
    (tmp_path / "research/handoff.yaml").write_text(json.dumps({"targets": targets, "projects": {"hearts": {}}}))
    service = Service.open(Settings.load(tmp_path))
    with service.database.write() as session:
        facts = {"project": "lungs", "file_sha256": "", "test_percent": 25, "instances": 1, "annotations": 0}
        session.add(Batch(id=BATCH, facts={}, created_at=0.0, **facts))
    yield service
    service.database.close()


def register(service, token, **changed):
    return ask(service, "POST", "/v1/pipelines", token, json={**PIPELINE, **changed})


def hand_off(service, target, pipeline="mine"):
    decision = {"kind": "prepare", "batch": BATCH, "pipeline": pipeline, "target": target}
    answer = ask(service, "POST", "/v1/handoffs", home_token(service), json=decision)
    return answer.status_code, answer.json()


def test_what_an_engineer_registers_runs_on_a_cluster_and_not_beside_the_service(service):
    _, engineer = made(service, "eva", "ml-engineer")
    registered = register(service, engineer).json()
    assert (registered["local_too"], registered["registered_by"]) == (False, "eva")
    assert hand_off(service, "cluster")[0] == 202
    status, problem = hand_off(service, "local")
    assert (status, problem["code"]) == (422, "pipeline-unknown")
    _, problem = hand_off(service, "local", registered["version"])
    assert problem["code"] == "pipeline-not-local"


def test_an_admin_lets_the_same_version_in_and_nobody_takes_that_back(service):
    _, engineer = made(service, "eva", "ml-engineer")
    version = register(service, engineer).json()["version"]
    again = register(service, home_token(service))
    assert (again.status_code, again.json()["version"], again.json()["local_too"]) == (200, version, True)
    assert register(service, engineer).json()["local_too"] is True
    assert hand_off(service, "local")[0] == 202


def test_a_newer_version_of_an_engineer_does_not_take_the_place_of_the_admins_on_the_service_itself(service):
    theirs = register(service, home_token(service)).json()["version"]
    _, engineer = made(service, "eva", "ml-engineer")
    newer = register(service, engineer, code_digest="d" * 64).json()["version"]
    assert hand_off(service, "local")[1]["pipeline_version"] == theirs
    assert hand_off(service, "cluster")[1]["pipeline_version"] == newer


@pytest.mark.parametrize("role", ["operator", "auditor", "intake"])
def test_others_register_nothing(service, role):
    token = made(service, role, role)[1] if role != "intake" else service.home.intake_token.read_text().strip()
    assert register(service, token).status_code == 403


def test_whoever_sees_one_project_sees_no_other_and_counts_none_of_it(service):
    register(service, home_token(service))
    assert hand_off(service, "local")[0] == 202
    _, hearts = made(service, "ida", "ml-engineer", ["hearts"])
    assert [each["name"] for each in ask(service, "GET", "/v1/projects", hearts).json()["items"]] == ["hearts"]
    assert ask(service, "GET", "/v1/projects/lungs", hearts).status_code == 404
    assert ask(service, "GET", "/v1/targets/local", hearts).json()["waiting"] == 0
    assert ask(service, "GET", "/v1/targets/local", home_token(service)).json()["waiting"] == 1
