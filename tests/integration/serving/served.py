"""A model server that really runs, and a small prepared batch for it."""

import hashlib
import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import torch

from ml.models.checkpoint import save_model
from ml.models.unet import UNet3D, UNetShape
from ml.preprocessing.spec import load_spec
from ml.recipes.outcome import publish
from ml.recipes.prepare import make_volumes
from tests.loopback import free_port
from tests.unit.ml.builders import ct_series, package, prepared_lines, small_body, write_batch

MODEL = "unet:1"


@dataclass(frozen=True)
class Material:
    """A research home with one model and one prepared batch."""

    home: Path
    model: Path
    sha256: str
    batch_uri: str

    @property
    def results(self) -> Path:
        return self.home / "research/results"

    def result(self, key: str) -> Path:
        return self.results / key


def key_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def small_model(file: Path) -> str:
    """An untrained network; returns the digest of its file."""
    torch.manual_seed(0)
    save_model(file, UNet3D(UNetShape((8, 8))), load_spec(), 0.5)
    return hashlib.sha256(file.read_bytes()).hexdigest()


def make_material(home: Path, patients: int = 2) -> Material:
    """Packages in the store, volumes in the results, lines that name both."""
    store, results = home / "research/store", home / "research/results"
    (store / "packages").mkdir(parents=True)
    prepared = results / key_of("prepare")
    prepared.mkdir(parents=True)
    lines = []
    for number in range(patients):
        images = ct_series(
            small_body(number)[0], series=f"1.2.3.{number}", patient=f"P{number}", spacing=(6.0, 5.0, 5.0)
        )
        lines += package(store / f"packages/{number}.zip", images)
    raw = write_batch(store / "raw.jsonl", lines)
    make_volumes(raw, prepared.as_uri(), "ct-body")
    publish(prepared.as_uri(), key_of("prepare"))
    splits = {f"P{number}": "train" for number in range(patients)}
    batch_uri = write_batch(store / "prepared.jsonl", [*lines, *prepared_lines(prepared, splits)])
    model = results / key_of("train") / "model/unet.pt"
    return Material(home, model, small_model(model), batch_uri)


class RunningModel:
    """`sluice serve-model` as a process; `kill` and `start` as often as a test likes."""

    def __init__(self, material: Material, *options: str, module: str = "ml.serving") -> None:
        self.material = material
        self.port = free_port()
        self.options = options
        self.command = [sys.executable, "-m", module, "--model", MODEL, "--file", str(material.model)]
        self.command += ["--sha256", material.sha256, "--home", str(material.home), *options]
        self._headers: dict[str, str] = {}
        self._log = material.home / "model-server.log"

    def start(self) -> "RunningModel":
        command = [*self.command, "--port", str(self.port)]
        with self._log.open("a") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        assert line, self._log.read_text()[-4000:]
        self.ready = json.loads(line)
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=60, headers=self._headers)
        return self

    def authorize(self, token: str) -> None:
        self._headers = {"authorization": f"Bearer {token}"}
        self.http.headers.update(self._headers)

    def kill(self) -> None:
        self.process.kill()
        self._close()

    def stop(self) -> int:
        self.process.terminate()
        return self._close()

    def _close(self) -> int:
        code = self.process.wait(timeout=120)
        self.process.stdout.close()
        self.http.close()
        return code

    def infer(self, key: str, operation: str = "start", **changes: Any) -> httpx.Response:
        """One request of the protocol; `changes` replace tensors, or parameters where none is of that name."""
        material = self.material
        tensors = {"batch_uri": material.batch_uri, "handoff_key": key, "result_uri": material.result(key).as_uri()}
        tensors |= {name: changes.pop(name) for name in list(changes) if name in tensors}
        inputs = [{"name": n, "datatype": "BYTES", "shape": [1], "data": [v]} for n, v in tensors.items()]
        body = {"id": key, "parameters": {"operation": operation, **changes}, "inputs": inputs}
        return self.http.post("/v2/models/unet/infer", json=body)

    def state(self, key: str) -> dict[str, Any]:
        return outputs(self.infer(key, "status"))


def outputs(answer: httpx.Response) -> dict[str, Any]:
    """The tensors of an answer."""
    assert answer.status_code == 200, answer.text
    return {tensor["name"]: tensor["data"][0] for tensor in answer.json()["outputs"]}


@contextmanager
def serving(material: Material, *options: str, **named: str):
    """A model server that is ended with the block."""
    server = RunningModel(material, *options, **named).start()
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop()
