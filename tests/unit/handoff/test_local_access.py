"""What a step of a local run finds where it is to reach its files by the handoff, and what it does not."""

from dataclasses import replace
from pathlib import Path

import pytest

from handoff.access.run_access import RunAccess
from handoff.backends.kfp_local import KfpLocal, step_environment
from handoff.backends.kfp_local_run import STARTED, TOKEN, write_once
from handoff.contract.environment import HANDOFF_URL, RUN, RUN_TOKEN_FILE
from handoff.contract.s3 import ENVIRONMENT
from handoff.handoffs.order import RunOrder
from handoff.handoffs.worker import _furnished
from handoff.home import ResearchHome
from handoff.settings import Settings
from handoff.store.make import open_store
from handoff.targets import KubeflowTarget, LocalTarget

ACCESS = RunAccess({HANDOFF_URL: "https://handoff:8443", RUN: "1" * 32}, "sluice_run_secret")
IMAGE = f"registry.example/sluice-ml@sha256:{'a' * 64}"
STEPS = {"secret": "sluice-steps", "variables": {"SLUICE_ENGINE_TOKEN": "token"}}
CLUSTER = {"backend": "kfp", "endpoint": "https://kubeflow.example", "image": IMAGE, "secrets": [STEPS]}


@pytest.fixture
def order(tmp_path) -> RunOrder:
    (tmp_path / "pipeline.yaml").write_text("{}")
    return RunOrder(
        key="k", handoff="1" * 32, project="lungs", batch="b", pipeline=tmp_path / "pipeline.yaml", pipeline_name="p",
        pipeline_digest="c" * 64, inputs={}, result=None, access=ACCESS,
    )  # fmt: skip


def test_the_token_is_in_a_file_of_its_own_that_nobody_else_reads(tmp_path, order):
    backend = KfpLocal(tmp_path / "runs", LocalTarget(files="handoff"))
    for token in ("sluice_run_secret", "sluice_run_secret", "sluice_run_of_another_key"):
        backend.prepare(replace(order, access=replace(ACCESS, token=token)))
        file = tmp_path / "runs" / "k" / "token"
        assert (file.read_text(), file.stat().st_mode & 0o777) == (token, 0o600)
    others = [path for path in (tmp_path / "runs" / "k").iterdir() if path.is_file() and path.name != "token"]
    assert all("sluice_run" not in path.read_text() for path in others)


def cancel_it(backend: KfpLocal) -> None:
    backend.cancel("k")


def find_it_dead(backend: KfpLocal) -> None:
    assert backend.status("k").reason == "process-died"


@pytest.mark.parametrize("end", [cancel_it, find_it_dead])
def test_a_run_that_was_ended_from_outside_keeps_no_token_and_gets_none_again(tmp_path, order, end):
    backend = KfpLocal(tmp_path / "runs", LocalTarget(files="handoff"))
    backend.prepare(order)
    folder = tmp_path / "runs" / "k"
    write_once(folder / STARTED, {"pid": 1 << 30, "started": 1, "boot": "another"})
    end(backend)
    assert not (folder / TOKEN).exists()
    cancel_it(backend)
    backend.prepare(order)
    assert not (folder / TOKEN).exists()


def test_its_environment_says_where_the_token_is_and_not_what(tmp_path):
    seen = step_environment(LocalTarget(files="handoff"), "k", tmp_path, ACCESS)
    assert (seen[RUN], seen[RUN_TOKEN_FILE]) == ("1" * 32, str(tmp_path / "token"))
    assert ACCESS.token not in seen.values()
    assert {RUN, RUN_TOKEN_FILE, HANDOFF_URL}.isdisjoint(step_environment(LocalTarget(), "k", tmp_path))


@pytest.mark.parametrize(
    ("target", "reaches_s3", "knows_handoff"),
    [
        (LocalTarget(), True, False),
        (LocalTarget(files="handoff"), False, False),  # each run is told by itself
        (KubeflowTarget.model_validate(CLUSTER), False, False),  # by a secret of the cluster
        (KubeflowTarget.model_validate({**CLUSTER, "handoff_url": "https://handoff:8443"}), False, True),
    ],
    ids=["local-store", "local-handoff", "cluster-store", "cluster-handoff"],
)
def test_no_step_that_has_a_token_of_its_run_gets_a_credential_of_the_store(
    tmp_path, target, reaches_s3, knows_handoff
):
    credentials = tmp_path / "s3"
    credentials.write_text("[default]\naws_access_key_id = user\naws_secret_access_key = secret\n")
    s3 = {"endpoint": "http://127.0.0.1:1", "credentials_file": str(credentials)}
    settings = Settings(home=Path(tmp_path), store_url="s3://bucket/research", s3=s3)
    store = open_store(settings, ResearchHome.of(tmp_path))
    seen = _furnished(settings, store, target).environment
    assert bool(set(ENVIRONMENT) & seen.keys()) == reaches_s3
    assert ("secret" in seen.values()) == reaches_s3
    assert (HANDOFF_URL in seen) == knows_handoff
