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


@pytest.fixture(scope="module")
def studies(working):
    """Of two patients; the second one's batch is of others."""
    return [annotated_study(working, patient) for patient in ("P0001", "P0002")]


@pytest.fixture(scope="module")
def batch(working, studies):
    return batch_of(working, {"studies": [studies[0].study]})


@pytest.fixture(scope="module")
def prepared(working, studies, batch):
    """What became of a run that also asked for what is of others."""
    package = package_path(hashlib.sha256(studies[1].body()).hexdigest())
    others = batch_of(working, {"studies": [studies[1].study]})
    asked = f"{batch_path(others)} {package} results/{'0' * 64}/result.json"
    return run(working, batch, "prepare", asked)


def run(service, batch: str, kind: str, others: str = ""):
    parameters = {"kind": kind, "others": others}
    view = service.client.hand_off(kind=kind, batch=batch, pipeline="reader", parameters=parameters)
    view = service.client.wait(view.id, 240)
    assert view.state == State.SUCCEEDED, (view.reason, service.client.logs(view.id))
    return view


def report_of(service, view):
    return json.loads(service.client.result_file(view.id, "report.json"))


def test_a_run_reads_its_batch_and_leaves_its_result_without_a_credential_of_the_store(working, studies, prepared):
    report = report_of(working, prepared)
    assert report["pixels"] == sorted(hashlib.sha256(pixels_of(uid)).hexdigest() for uid in studies[0].uids)
    assert not set(ENVIRONMENT) & report["environment"].keys()


def test_it_reaches_nothing_of_others(working, prepared):
    refused = report_of(working, prepared)["refused"]
    assert len(refused) == 6
    assert set(refused.values()) == {404}


def test_its_token_is_told_nowhere_and_ends_with_it(working, batch, prepared):
    token = of_run(working, prepared.id)
    assert token not in json.dumps(report_of(working, prepared))
    assert token not in working.client.logs(prepared.id) + (working.home / "service.log").read_text()
    address = f"{working.url}/v1/runs/{prepared.id}/files/{batch_path(batch)}"
    answer = httpx.get(address, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=60)
    assert answer.status_code == 401
    assert not (working.home / "research" / "runs" / prepared.key / "token").exists()
    wait_for(lambda: not [token for token in working.client.tokens() if token.handoff])


@pytest.mark.faults
def test_the_next_run_reads_the_volumes_that_the_first_one_wrote(working, batch, prepared):
    trained = run(working, batch, "train")
    assert trained.made_model == "reader:1"
    assert working.client.result_file(trained.id, "model.bin").endswith(b"\x07\x00" * 64)
