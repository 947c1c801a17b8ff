"""Targets in handoff.yaml: by backend, and nothing that cannot be meant."""

import pytest
from pydantic import TypeAdapter, ValidationError

from handoff.errors import StartError
from handoff.settings import Settings
from handoff.targets import KubeflowTarget, LocalTarget, Target

TARGET: TypeAdapter[LocalTarget | KubeflowTarget] = TypeAdapter(Target)
IMAGE = f"registry.example/sluice-ml@sha256:{'a' * 64}"
CLUSTER = {"backend": "kfp", "endpoint": "https://kubeflow.example/pipeline/", "image": IMAGE}


def test_a_target_without_a_backend_is_kfp_local():
    assert isinstance(TARGET.validate_python({"timeout_seconds": 3}), LocalTarget)


def test_torchrun_shares_by_two_processes_or_more():
    target = TARGET.validate_python({"backend": "torchrun-local", "processes": 2})
    assert isinstance(target, LocalTarget)
    for wrong in ({"backend": "torchrun-local"}, {"processes": 2}, {"backend": "torchrun-local", "processes": 0}):
        with pytest.raises(ValidationError):
            TARGET.validate_python(wrong)


def test_a_cluster_needs_its_endpoint_and_an_image_by_digest():
    target = TARGET.validate_python(CLUSTER)
    assert isinstance(target, KubeflowTarget)
    assert (target.endpoint, target.settle_seconds) == ("https://kubeflow.example/pipeline", 150)


@pytest.mark.parametrize(
    "wrong",
    [
        {"image": "registry.example/sluice-ml:latest"},
        {"endpoint": "kubeflow.example"},
        {"endpoint": "https://user:secret@kubeflow.example"},
        {"endpoint": "https://kubeflow.example/apis/v2beta1"},
        {"password": "secret"},
        {"token_file": "/a", "cookie_file": "/b"},
        {"http_timeout_seconds": 100},
        {"claims": [{"claim": "store", "path": "relative"}]},
        {"claims": [{"claim": "a", "path": "/same"}, {"claim": "b", "path": "/same"}]},
        {"gpus": {"count": 0}},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_cluster_that_cannot_be_meant_is_refused(wrong):
    with pytest.raises(ValidationError):
        TARGET.validate_python({**CLUSTER, **wrong})


STEPS_SECRET = {"secret": "sluice-steps", "variables": {"SLUICE_ENGINE_TOKEN": "token"}}
BY_HANDOFF = {"handoff_url": "https://handoff.example:8443", "secrets": [STEPS_SECRET]}


def test_files_are_reached_by_the_handoff_where_a_target_says_so_or_says_where_it_is():
    assert not TARGET.validate_python({}).by_handoff
    assert TARGET.validate_python({"files": "handoff"}).by_handoff
    assert not TARGET.validate_python(CLUSTER).by_handoff
    assert TARGET.validate_python({**CLUSTER, **BY_HANDOFF}).by_handoff
    assert not TARGET.validate_python({**CLUSTER, **BY_HANDOFF, "files": "store"}).by_handoff


@pytest.mark.parametrize(
    "wrong",
    [
        {"secrets": []},
        {"handoff_url": None, "files": "handoff"},
        {"handoff_url": "https://user:secret@handoff.example"},
        {"handoff_url": "https://handoff.example/path"},
        {"handoff_url": "http://handoff.example:8080", "handoff_ca_file": "/etc/ca.pem"},
        {"environment": {"AWS_SECRET_ACCESS_KEY": "secret"}},
        {"secrets": [STEPS_SECRET, {"secret": "s3", "variables": {"AWS_ACCESS_KEY_ID": "user"}}]},
    ],
    ids=str,
)
def test_a_cluster_whose_steps_would_get_too_little_or_too_much_is_refused(wrong):
    with pytest.raises(ValidationError):
        TARGET.validate_python({**CLUSTER, **BY_HANDOFF, **wrong})


def test_no_credential_of_a_store_goes_beside_a_runs_token():
    with pytest.raises(ValidationError):
        TARGET.validate_python({"files": "handoff", "environment": {"AWS_SESSION_TOKEN": "secret"}})


def test_a_backend_that_nobody_knows_is_one_error_with_a_remedy(tmp_path):
    (tmp_path / "research").mkdir()
    (tmp_path / "research/handoff.yaml").write_text("targets: {far: {backend: abacus}}")
    with pytest.raises(StartError, match="targets"):
        Settings.load(tmp_path)
