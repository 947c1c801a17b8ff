"""A target, written into a copy of the committed YAML: as kfp itself would have compiled it, and nothing else."""

import hashlib
from pathlib import Path

import pytest
import yaml
from google.protobuf import json_format
from kfp import compiler, dsl, kubernetes
from kfp.pipeline_spec import pipeline_spec_pb2

from handoff.backends.kfp_answers import KubeflowError
from handoff.backends.kfp_prepare import prepare_yaml
from handoff.contract.environment import ENGINE_RUN, ENGINE_TOKEN, EXPECTED_GPUS
from handoff.targets import KubeflowTarget

IMAGE = f"registry.example/sluice-ml@sha256:{'a' * 64}"
PLAIN = KubeflowTarget(backend="kfp", endpoint="https://kubeflow.example", image=IMAGE)
FULL = KubeflowTarget.model_validate(
    {
        **PLAIN.model_dump(exclude_unset=True),
        "gpus": {"type": "nvidia.com/gpu", "count": 2, "steps": ["fit"]},
        "claims": [{"claim": "research", "path": "/srv/research", "sub_path": "sluice"}],
        "secrets": [{"secret": "s3", "variables": {"AWS_ACCESS_KEY_ID": "user"}}],
        "environment": {"TZ": "UTC"},
        "tolerations": [{"key": "gpu", "effect": "NoSchedule"}],
        "node_selector": {"zone": "a"},
        "image_pull_secrets": ["pull"],
        "timeout_seconds": 600,
    }
)
COMMITTED = sorted(Path("ml/pipelines").glob("*.yaml"))


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def fit(a: str) -> None:
    """Nothing."""


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def publish(a: str) -> None:
    """Nothing."""


def compiled(folder: Path, *, by_hand: bool) -> bytes:
    """Two steps; by hand with everything of FULL, through kfp's and kfp-kubernetes' own functions."""

    @dsl.pipeline(name="two-steps")
    def two_steps(a: str) -> None:
        for task in (fit(a=a), publish(a=a)):
            if not by_hand:
                continue
            task.set_caching_options(False)
            if task.name == "fit":
                task.set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(2)
                task.set_env_variable(EXPECTED_GPUS, "2")
            task.set_env_variable("TZ", "UTC")
            kubernetes.set_timeout(task, 600)
            kubernetes.mount_pvc(task, "research", "/srv/research", sub_path="sluice")
            kubernetes.use_secret_as_env(task, "s3", {"user": "AWS_ACCESS_KEY_ID"})
            kubernetes.add_toleration(task, key="gpu", operator="Exists", effect="NoSchedule")
            kubernetes.add_node_selector(task, "zone", "a")
            kubernetes.set_image_pull_secrets(task, ["pull"])
            kubernetes.empty_dir_mount(task, "shm", "/dev/shm", medium="Memory", size_limit="2Gi")

    file = folder / "two-steps.yaml"
    compiler.Compiler().compile(two_steps, str(file))
    return file.read_bytes()


def messages(text: bytes) -> tuple[object, object]:
    """Both documents as the server reads them."""
    spec, platform = yaml.safe_load_all(text)
    return (
        json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec()),
        json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec()),
    )


def test_the_target_is_written_as_kfp_and_its_kubernetes_extension_write_it(tmp_path):
    prepared = prepare_yaml(compiled(tmp_path, by_hand=False), FULL)
    assert messages(prepared) == messages(compiled(tmp_path, by_hand=True))


def test_a_step_that_reaches_its_files_by_the_handoff_learns_its_run_from_its_pod_and_no_token_is_written(tmp_path):
    secret = {"secret": "sluice-steps", "variables": {ENGINE_TOKEN: "token"}}
    facts = PLAIN.model_dump(exclude_unset=True) | {"handoff_url": "https://handoff:8443", "secrets": [secret]}

    @dsl.pipeline(name="one-step")
    def one_step(a: str) -> None:
        task = fit(a=a).set_caching_options(False)
        kubernetes.set_timeout(task, 86_400)
        kubernetes.use_secret_as_env(task, "sluice-steps", {"token": ENGINE_TOKEN})
        kubernetes.use_field_path_as_env(task, ENGINE_RUN, "metadata.labels['pipeline/runid']")
        kubernetes.empty_dir_mount(task, "shm", "/dev/shm", medium="Memory", size_limit="2Gi")

    file = tmp_path / "one-step.yaml"
    compiler.Compiler().compile(one_step, str(file))
    plain = next(yaml.safe_load_all(file.read_bytes()))
    prepared = prepare_yaml(yaml.safe_dump(plain).encode(), KubeflowTarget.model_validate(facts))
    assert messages(prepared) == messages(file.read_bytes())


def test_accelerators_are_asked_for_in_both_spellings_and_only_for_the_steps_that_get_them(tmp_path):
    spec = next(yaml.safe_load_all(prepare_yaml(compiled(tmp_path, by_hand=False), FULL)))
    executors = spec["deploymentSpec"]["executors"]
    assert executors["exec-fit"]["container"]["resources"]["accelerator"] == {
        "type": "nvidia.com/gpu",
        "count": "2",
        "resourceType": "nvidia.com/gpu",
        "resourceCount": "2",
    }
    assert {"name": EXPECTED_GPUS, "value": "2"} in executors["exec-fit"]["container"]["env"]
    assert "resources" not in executors["exec-publish"]["container"]


@pytest.mark.parametrize("file", COMMITTED, ids=lambda file: file.stem)
def test_what_is_committed_names_no_site_and_what_is_sent_names_nothing_else(file):
    committed = file.read_bytes()
    assert b"pip install" not in committed
    assert b"platforms" not in committed
    spec, platform = yaml.safe_load_all(prepare_yaml(committed, PLAIN))
    containers = [executor["container"] for executor in spec["deploymentSpec"]["executors"].values()]
    assert {container["image"] for container in containers} == {IMAGE}
    assert all(task["cachingOptions"] == {} for task in spec["root"]["dag"]["tasks"].values())
    assert platform["platforms"].keys() == {"kubernetes"}


def test_tasks_of_nested_graphs_are_not_cached_either(tmp_path):
    @dsl.pipeline(name="outer")
    def outer(a: str) -> None:
        with dsl.ParallelFor(["1", "2"]) as item:
            fit(a=item)

    compiler.Compiler().compile(outer, str(tmp_path / "outer.yaml"))
    spec = next(yaml.safe_load_all(prepare_yaml((tmp_path / "outer.yaml").read_bytes(), PLAIN)))
    assert "enableCache" not in yaml.safe_dump(spec)


def test_the_same_yaml_and_target_are_the_same_bytes_and_another_target_is_not(tmp_path):
    committed = compiled(tmp_path, by_hand=False)
    digests = [hashlib.sha256(prepare_yaml(committed, target)).hexdigest() for target in (FULL, FULL, PLAIN)]
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    ("text", "code"),
    [(b"a: [", "pipeline-invalid"), (b"", "pipeline-invalid"), (b"nonsense: 1", "pipeline-invalid")],
)
def test_what_is_no_pipeline_is_refused_before_anything_is_sent(text, code):
    with pytest.raises(KubeflowError, match=code):
        prepare_yaml(text, PLAIN)


def test_a_pipeline_that_has_a_site_compiled_in_is_refused(tmp_path):
    with pytest.raises(KubeflowError, match="pipeline-not-portable"):
        prepare_yaml(compiled(tmp_path, by_hand=True), PLAIN)
