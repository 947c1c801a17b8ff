"""How a workflow's steps run here: both leave a real result at the run's result_uri, or raise."""

import json
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
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        documents = [spec[part] for part in ("pipeline_spec", "platform_spec") if part in spec] or [spec]
        (folder / "pipeline.yaml").write_text(yaml.safe_dump_all(documents, sort_keys=False))
        (folder / "run.json").write_text(json.dumps({"inputs": parameters}))
        command = [sys.executable, "-m", "handoff.backends.kfp_local_steps", str(folder)]
        subprocess.run(command, cwd=Path.cwd(), check=True, timeout=240)


def _result_folder(parameters: dict[str, Any]) -> None:
    """The place that a cluster's storage would have."""
    if "result_uri" in parameters:
        Path(unquote(urlsplit(parameters["result_uri"]).path)).mkdir(parents=True, exist_ok=True)
