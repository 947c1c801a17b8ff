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


def test_a_backend_that_nobody_knows_is_one_error_with_a_remedy(tmp_path):
    (tmp_path / "research").mkdir()
    (tmp_path / "research/handoff.yaml").write_text("targets: {far: {backend: abacus}}")
    with pytest.raises(StartError, match="targets"):
        Settings.load(tmp_path)
