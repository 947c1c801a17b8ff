"""How a workflow's steps run here: all leave a real result at the run's result_uri, or raise."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from tests.integration.handoff.toy_pipeline import toy


def toy_step(spec: dict[str, Any], parameters: dict[str, Any]) -> None:
    """Call the one function that the toy pipeline consists of, in milliseconds and without kfp's runner."""
    known = spec.get("pipeline_spec", spec)["root"]["inputDefinitions"]["parameters"]
    defaults = {name: facts["defaultValue"] for name, facts in known.items() if "defaultValue" in facts}
    _result_folder(parameters)
    try:
        toy.python_func(**{**defaults, **parameters})
    except SystemExit as error:
        raise RuntimeError(str(error)) from error


def kfp_local(spec: dict[str, Any], parameters: dict[str, Any]) -> None:
    """Let kfp run every step of the submitted specification, as the local backend does."""
    _result_folder(parameters)
    _run(spec, parameters, None)


SECRETS = "KUBEFLOW_TEST_SECRETS"
"""A file with the Secrets of the namespace: the values of their keys, by name."""


def in_pods(spec: dict[str, Any], parameters: dict[str, Any]) -> None:
    """The same, with the variables that a pod would have and no others; every step has those of the first."""
    (container, *_) = (item["container"] for item in spec["pipeline_spec"]["deploymentSpec"]["executors"].values())
    (config, *_) = spec["platform_spec"]["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values()
    variables = {item["name"]: item["value"] for item in container.get("env", [])}
    for item in config.get("fieldPathAsEnv", []):
        label = re.fullmatch(r"metadata\.labels\['([^']+)'\]", item["fieldPath"])
        variables[item["name"]] = spec["pod_labels"][label[1]]
    secrets = json.loads(Path(os.environ[SECRETS]).read_text())
    for item in config.get("secretAsEnv", []):
        for key in item["keyToEnv"]:
            variables[key["envVar"]] = secrets[item["secretName"]][key["secretKey"]]
    _run(spec, parameters, {"PATH": os.environ["PATH"], **variables})


def _run(spec: dict[str, Any], parameters: dict[str, Any], environment: dict[str, str] | None) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        documents = [spec[part] for part in ("pipeline_spec", "platform_spec") if part in spec] or [spec]
        (folder / "pipeline.yaml").write_text(yaml.safe_dump_all(documents, sort_keys=False))
        (folder / "run.json").write_text(json.dumps({"inputs": parameters}))
        command = [sys.executable, "-m", "handoff.backends.kfp_local_steps", str(folder)]
        subprocess.run(command, cwd=Path.cwd(), check=True, timeout=240, env=environment)


def _result_folder(parameters: dict[str, Any]) -> None:
    """The place that a cluster's storage would have."""
    if "result_uri" in parameters:
        Path(unquote(urlsplit(parameters["result_uri"]).path)).mkdir(parents=True, exist_ok=True)
