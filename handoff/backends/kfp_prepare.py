"""Write into a copy of the committed YAML what only the target knows. The committed YAML stays as it is.

1. Each step gets the target's image, variables and, where it is meant to, its accelerators, in both spellings that
   servers of different age read.
2. Caching is off for every task: Kubeflow's cache neither looks at content nor at whether an artifact still exists.
3. What Kubernetes needs to know stands in a second document, the platform specification, by executor.
4. Both documents are read back by the protobuf messages that the server reads them by: a field that is none is
   an error here, not there.

The bytes depend on the YAML and the target alone, so their digest names the pipeline version.
"""

from typing import Any

import yaml
from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2 as kubernetes
from kfp.pipeline_spec import pipeline_spec_pb2 as spec_messages

from handoff.backends.interface import Answer
from handoff.backends.kfp_answers import KubeflowError
from handoff.contract.environment import ENGINE_RUN, EXPECTED_GPUS
from handoff.targets import KubeflowTarget

_EXECUTOR = "exec-"
_RUN_OF_POD = "metadata.labels['pipeline/runid']"
"""Kubeflow's server labels each pod with the id of its run."""
_SHM = "/dev/shm"  # noqa: S108 - the place in the pod, not here
_Json = dict[str, Any]


def prepare_yaml(committed: bytes, target: KubeflowTarget) -> bytes:
    """The YAML as this target's server gets it.

    Raises:
        KubeflowError: `pipeline-invalid`, or `pipeline-not-portable` where a site is already compiled in.
    """
    spec = _read(committed)
    executors = {
        label: executor["container"]
        for label, executor in spec.get("deploymentSpec", {}).get("executors", {}).items()
        if "container" in executor
    }
    for label, container in executors.items():
        _fill(container, target, gpus=_gpus(label, target))  # (1)
    for dag in _dags(spec):
        for task in dag.get("tasks", {}).values():
            task["cachingOptions"] = {}  # (2)
    config = _kubernetes(target)  # (3)
    platform = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": dict.fromkeys(executors, config)}}}}
    _check(spec, spec_messages.PipelineSpec())  # (4)
    _check(platform, spec_messages.PlatformSpec())
    return _dump([spec, platform] if config else [spec])


def _read(committed: bytes) -> _Json:
    try:
        documents = [document for document in yaml.safe_load_all(committed) if document is not None]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise KubeflowError("pipeline-invalid", Answer.REFUSED) from error
    if len(documents) > 1:
        raise KubeflowError("pipeline-not-portable", Answer.REFUSED)
    if not documents or not isinstance(documents[0], dict):
        raise KubeflowError("pipeline-invalid", Answer.REFUSED)
    spec: _Json = documents[0]
    return spec


def _gpus(label: str, target: KubeflowTarget) -> int:
    if target.gpus is None:
        return 0
    chosen = target.gpus.steps
    return target.gpus.count if chosen is None or label.removeprefix(_EXECUTOR) in chosen else 0


def _fill(container: _Json, target: KubeflowTarget, *, gpus: int) -> None:
    container["image"] = target.image
    variables = {item["name"]: item["value"] for item in container.get("env", [])} | target.environment
    if gpus and target.gpus is not None:
        variables[EXPECTED_GPUS] = str(gpus)
        container.setdefault("resources", {})["accelerator"] = {
            "count": str(gpus),
            "type": target.gpus.type,
            "resourceCount": str(gpus),
            "resourceType": target.gpus.type,
        }
    if variables:
        container["env"] = [{"name": name, "value": value} for name, value in sorted(variables.items())]


def _dags(spec: _Json) -> list[_Json]:
    """The root's graph and those of nested pipelines, loops and conditions."""
    inner = [component["dag"] for component in spec.get("components", {}).values() if "dag" in component]
    return [spec.get("root", {}).get("dag", {}), *inner]


def _kubernetes(target: KubeflowTarget) -> _Json:
    """What every step's pod gets, as kfp's own Kubernetes extension writes it."""
    config = kubernetes.KubernetesExecutorConfig(active_deadline_seconds=target.timeout_seconds)
    for claim in target.claims:
        mount = config.pvc_mount.add(mount_path=str(claim.path), sub_path=claim.sub_path, constant=claim.claim)
        mount.pvc_name_parameter.runtime_value.constant.string_value = claim.claim
    for secret in target.secrets:
        added = config.secret_as_env.add(secret_name=secret.secret, optional=False)
        added.secret_name_parameter.runtime_value.constant.string_value = secret.secret
        for variable, key in sorted(secret.variables.items()):
            added.key_to_env.add(secret_key=key, env_var=variable)
    if target.by_handoff:
        config.field_path_as_env.add(name=ENGINE_RUN, field_path=_RUN_OF_POD)
    for item in target.tolerations:
        config.tolerations.add(
            key=item.key,
            operator=item.operator,
            value=item.value,
            effect=item.effect,
            toleration_seconds=item.seconds,
        )
    config.node_selector.labels.update(target.node_selector)
    for name in target.image_pull_secrets:
        pull = config.image_pull_secret.add(secret_name=name)
        pull.secret_name_parameter.runtime_value.constant.string_value = name
    if target.shm_size is not None:
        config.empty_dir_mounts.add(
            volume_name="shm",
            mount_path=_SHM,
            medium="Memory",
            size_limit=target.shm_size,
        )
    written: _Json = json_format.MessageToDict(config)
    return written


def _check(document: _Json, message: Any) -> None:
    try:
        json_format.ParseDict(document, message)
    except json_format.ParseError as error:
        raise KubeflowError("pipeline-invalid", Answer.REFUSED) from error


class _Plain(yaml.SafeDumper):
    """Writes every value out: some readers refuse YAML's references."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never refer."""
        return data is not None


def _dump(documents: list[_Json]) -> bytes:
    text: str = yaml.dump_all(documents, Dumper=_Plain, sort_keys=True, allow_unicode=True)
    return text.encode()
