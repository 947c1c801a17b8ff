"""Steps that reach their files by the handoff alone, with a token that ends with their run."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from handoff.access.run_tokens import RunTokens
from handoff.contract.s3 import ENVIRONMENT
from handoff.database.open import open_database
from handoff.handoffs.states import State
from handoff.home import ResearchHome
from handoff.settings import Settings
from handoff.store.store import batch_path, package_path
from tests.integration.handoff.conftest import make_backing
from tests.integration.handoff.packages import element
from tests.integration.handoff.running import CODE, annotated_study, batch_of, running
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
TARGETS = {"targets": {"local": {"backend": "kfp-local", "files": "handoff"}}}


@pytest.fixture(scope="module")
def reading_yaml(tmp_path_factory) -> str:
    file = tmp_path_factory.mktemp("reading") / "reading.yaml"
    subprocess.run([sys.executable, str(Path(__file__).with_name("reading_pipeline.py")), str(file)], check=True)
    return file.read_text()


@pytest.fixture(scope="module", params=[pytest.param("sqlite-folder", marks=pytest.mark.faults), "postgresql-s3"])
def working(request, tmp_path_factory, reading_yaml):
    """A service whose steps get no credential of the store, and its worker."""
    settings = {**make_backing(request).settings, **TARGETS}
    with running(tmp_path_factory.mktemp("home"), worker=True, settings=settings) as service:
        service.client.register_pipeline("reader", reading_yaml, CODE)
        yield service


def pixels_of(uid: str) -> bytes:
    return element(uid.encode())[12:]


def of_run(service, handoff: str) -> str:
    """The token that the run of a handoff had."""
    home = ResearchHome.of(service.home)
    database = open_database(Settings.load(service.home), home)
    try:
        return RunTokens.of_home(database, home, 1.0)._token(handoff)
    finally:
        database.close()


def test_runs_succeed_with_a_token_alone_that_reaches_nothing_else_and_ends_with_them(working):
    study = annotated_study(working, "P0001")
    other = annotated_study(working, "P0002")
    batch, batch_of_others = (batch_of(working, {"studies": [item.study]}) for item in (study, other))
    package = package_path(hashlib.sha256(other.body()).hexdigest())
    others = f"{batch_path(batch_of_others)} {package} results/{'0' * 64}/result.json"
    ended = []
    for kind in ("prepare", "train"):
        view = working.client.hand_off(
            kind=kind, batch=batch, pipeline="reader", parameters={"kind": kind, "others": others}
        )
        view = working.client.wait(view.id, 120)
        assert view.state == State.SUCCEEDED, (view.reason, working.client.logs(view.id))
        ended.append(view)
        report = json.loads(working.client.result_file(view.id, "report.json"))
        assert report["pixels"] == sorted(hashlib.sha256(pixels_of(uid)).hexdigest() for uid in study.uids)
        assert len(report["refused"]) == 6
        assert set(report["refused"].values()) == {404}
        assert not set(ENVIRONMENT) & report["environment"].keys()
        token = of_run(working, view.id)
        assert token not in json.dumps(report)
        assert token not in working.client.logs(view.id) + (working.home / "service.log").read_text()
        address = f"{working.url}/v1/runs/{view.id}/files/batches/{batch}/batch.jsonl"
        assert httpx.get(address, headers={"Authorization": f"Bearer {token}"}, trust_env=False).status_code == 401
        assert not (working.home / "research" / "runs" / view.key / "token").exists()
    assert ended[1].made_model == "reader:1"
    model = working.client.result_file(ended[1].id, "model.bin")
    assert model.endswith(b"\x07\x00" * 64), "what the volume held that the first run wrote"
    wait_for(lambda: not [token for token in working.client.tokens() if token.handoff])
