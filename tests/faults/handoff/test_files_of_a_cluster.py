"""Steps in a cluster without a volume or a credential of the store, and a run of which Kubeflow's answer is lost.

The pods are processes here, with the variables that the specification gives them, as it was sent. The exchange, the
handoff and the way to files are the real ones.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from handoff.contract.environment import ENGINE_RUN, ENGINE_TOKEN
from handoff.contract.s3 import ENVIRONMENT
from handoff.handoffs.states import State
from handoff.schemas.tokens import TokenRequest
from tests.faults.handoff.with_kubeflow import TARGET, WithKubeflow
from tests.integration.handoff import reading_pipeline
from tests.integration.handoff.packages import element
from tests.integration.handoff.running import CODE, annotated_study, batch_of
from tests.kubeflow_server.execute import SECRETS
from tests.kubeflow_server.process import KubeflowServer

pytestmark = pytest.mark.faults
STEPS = {"secret": "sluice-steps", "variables": {ENGINE_TOKEN: "token"}}


@pytest.fixture(scope="module")
def reading_yaml(tmp_path_factory) -> str:
    file = tmp_path_factory.mktemp("reading") / "reading.yaml"
    subprocess.run([sys.executable, reading_pipeline.__file__, str(file)], check=True)
    return file.read_text()


def say_where_the_handoff_is(home: Path, url: str) -> None:
    """Its port is known only once it listens."""
    file = home / "research" / "handoff.yaml"
    settings = json.loads(file.read_text())
    settings["targets"][TARGET]["handoff_url"] = url
    file.write_text(json.dumps(settings))


def test_a_run_whose_answer_was_lost_gets_its_token_once_it_is_found(tmp_path, monkeypatch, reading_yaml):
    secrets = tmp_path / "secrets.json"
    monkeypatch.setenv(SECRETS, str(secrets))
    facts = {"claims": [], "secrets": [STEPS], "handoff_url": "http://127.0.0.1:1", "poll_seconds": 0.2}
    execute = "tests.kubeflow_server.execute:in_pods"
    with (
        KubeflowServer(tmp_path / "kubeflow", execute=execute) as server,
        WithKubeflow(tmp_path, server, settle_seconds=60, sweep_seconds=0.5, **facts) as world,
    ):
        service = world.service
        service.client.register_pipeline("reader", reading_yaml, CODE)
        study = annotated_study(service)
        token = service.client.make_token(TokenRequest(name=TARGET, role="engine", projects=("lungs",))).token
        secrets.write_text(json.dumps({"sluice-steps": {"token": token}}))
        say_where_the_handoff_is(tmp_path, service.url)
        server.meet(lose=1.0, only=["CreateRun"])
        world.start_worker()
        view = service.client.hand_off(
            kind="prepare", batch=batch_of(service), pipeline="reader", target=TARGET, parameters={"kind": "prepare"}
        )
        view = service.client.wait(view.id, 240)
        assert view.state == State.SUCCEEDED, (view.reason, (server.folder / "server.log").read_text())
        assert ("postponed", "kubeflow-connection-lost") in [(event.event, event.reason) for event in view.events]
        assert len(server.journal("CreateRun")) == 1

        report = json.loads(service.client.result_file(view.id, "report.json"))
        pixels = [element(uid.encode())[12:] for uid in study.uids]
        assert report["pixels"] == sorted(hashlib.sha256(content).hexdigest() for content in pixels)
        assert report["environment"][ENGINE_RUN] == view.reference
        assert not set(ENVIRONMENT) & report["environment"].keys()
        sent = (server.folder / "kubeflow.db").read_bytes() + (server.folder / "journal.jsonl").read_bytes()
        assert token.encode() not in sent
        assert b"sluice_run_" not in sent
        answer = httpx.post(
            f"{service.url}/v1/runs/token",
            json={"run": view.reference},
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
            timeout=60,
        )
        assert answer.json()["code"] == "run-unknown", "it has ended"
