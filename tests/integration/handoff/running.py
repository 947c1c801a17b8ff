"""A handoff that really runs: service and worker as processes of their own."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from handoff.client import HandoffClient
from handoff.contract.batch import BATCH_LINE
from handoff.contract.canonical import canonical_json
from handoff.handoffs.states import State
from handoff.home import ResearchHome
from handoff.schemas.batches import BatchRequest, BatchView
from handoff.schemas.handoffs import HandoffView
from handoff.settings import Settings
from handoff.store import Store
from handoff.store.make import open_store
from tests.integration.handoff.packages import Package, evidence_for
from tests.waiting import wait_for

SETTINGS = {
    "rules": {"quiet_seconds": 0.2, "abort_quiet_seconds": 0.4, "commitment_quiet_seconds": 0.3},
    "max_evidence_bytes": 20_000,
}
CODE = "c" * 64


class RunningHandoff:
    """A service on a free port; `kill` and `start` as often as a test likes."""

    def __init__(
        self,
        home: Path,
        worker: bool = False,
        settings: dict[str, Any] | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.home = home
        self.worker = worker
        self.environment = environment or {}
        self.process: subprocess.Popen[str] | None = None
        (home / "research").mkdir(parents=True, exist_ok=True)
        (home / "research" / "handoff.yaml").write_text(json.dumps({**SETTINGS, **(settings or {})}))

    def start(self) -> "RunningHandoff":
        command = [sys.executable, "-m", "handoff.commands", "serve", "--home", str(self.home), "--port", "0"]
        command += [] if self.worker else ["--no-worker"]
        environment = {**os.environ, "A_SECRET_TOKEN": "never-to-be-seen-by-a-step", **self.environment}
        with (self.home / "service.log").open("a") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        line = self.process.stdout.readline()
        assert line, (self.home / "service.log").read_text()
        self.ready = json.loads(line)
        self.url = f"http://127.0.0.1:{self.ready['port']}"
        self.client = HandoffClient.of_home(self.url, self.home)
        self._http = httpx.Client(base_url=self.url, trust_env=False, timeout=60)
        return self

    def kill(self) -> None:
        self._close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def kill_with_worker(self) -> None:
        """Kill it, and wait until the worker beside it has seen that; what the worker runs goes on."""
        beside = [int(pid) for file in _children_files(self.process.pid) for pid in file.read_text().split()]
        self.kill()
        wait_for(lambda: not any(map(_lives, beside)))

    def stop(self) -> int:
        self._close()
        self.process.terminate()
        code = self.process.wait(timeout=120)
        self.process.stdout.close()
        return code

    def _close(self) -> None:
        self.client.__exit__(None, None, None)
        self._http.close()

    def put(self, path: str, body: bytes, **headers: str) -> httpx.Response:
        """A raw PUT as NiFi sends it."""
        token = (self.home / "research" / "token").read_text().strip()
        sent = {"Authorization": f"Bearer {token}", "Sluice-SHA256": hashlib.sha256(body).hexdigest()}
        return self._http.put(path, content=body, headers={**sent, **headers})

    def get(self, path: str, token: str = "api-token") -> httpx.Response:
        secret = (self.home / "research" / token).read_text().strip()
        return self._http.get(path, headers={"Authorization": f"Bearer {secret}"})

    def deliver(self, *packages: Package, ending: str = "released", **counts: int) -> None:
        """Packages of one study and the evidence that closes it."""
        for package in packages:
            assert self.put(f"/v1/shipments/{package.id}", package.body()).status_code == 201
        evidence = evidence_for(*packages, ending=ending, **counts)
        assert self.put(f"/v1/evidence/{evidence.evidence_id}", canonical_json(evidence)).status_code == 201

    @property
    def store(self) -> Store:
        """Its store, as the service sees it."""
        return open_store(Settings.load(self.home), ResearchHome.of(self.home))

    def stored(self) -> list[Path]:
        """Every file in the store, and on its way there."""
        files = [file for file in (self.home / "research" / "store").rglob("*") if file.is_file()]
        store = self.store
        return files if store.files.local(".") else [*files, *map(Path, store.files.paths())]

    def lines(self, batch: BatchView) -> list[Any]:
        """The lines of a batch, wherever they are kept."""
        files = self.store.files
        text = b"".join(files.read(batch.uri.removeprefix(f"{files.uri}/")))
        return [BATCH_LINE.validate_json(line) for line in text.splitlines()]

    def left(self, view: HandoffView, name: str) -> Path:
        """A file that a step left on this machine: with its result, or in its run's folder where that is elsewhere."""
        folder = self.store.result(view.key).local(".")
        return (folder or self.home / "research" / "runs" / view.key) / name


def _children_files(pid: int) -> Iterator[Path]:
    return Path(f"/proc/{pid}/task").glob("*/children")


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@contextmanager
def running(home: Path, **options: Any):
    """A service that is stopped at the end."""
    service = RunningHandoff(home, **options).start()
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.stop()


def start_worker(home: Path, *extra: str) -> subprocess.Popen[bytes]:
    """A worker for the target local, as an operator starts it."""
    command = [sys.executable, "-m", "handoff.commands", "worker", "--home", str(home), "--target", "local", *extra]
    with (home / "worker.log").open("a") as log:
        return subprocess.Popen(command, stderr=log)


def compile_toy(file: Path) -> str:
    """The toy pipeline, compiled by kfp in a process of its own."""
    subprocess.run([sys.executable, str(Path(__file__).with_name("toy_pipeline.py")), str(file)], check=True)
    return file.read_text()


def annotated_study(service: RunningHandoff, patient: str = "P0001") -> Package:
    """A study of three slices and one annotation that refers to them, delivered and awaited."""
    images = Package.of(3, patient=patient)
    truth = Package.of(1, annotates=images.uids, patient=patient, study=images.study)
    service.deliver(images, truth)
    wait_complete(service, images.study)
    return images


def wait_complete(service: RunningHandoff, study: str, version: int = 1) -> None:
    wait_for(lambda: any(s.study == study and s.version == version for s in service.client.studies(state="complete")))


def hand_off(service: RunningHandoff, batch: str, kind: str = "prepare", model: str | None = None, **parameters: Any):
    """A handoff of the toy pipeline."""
    return service.client.hand_off(
        kind=kind, batch=batch, pipeline="toy", parameters={"kind": kind, **parameters}, model=model
    )


def let_go(service: RunningHandoff, view: HandoffView) -> None:
    """Let a run that is `held` go on, once it is known that it runs; a quick one may end before anybody looks."""
    wait_for(lambda: service.client.handoff(view.id).state == State.RUNNING, 120)
    service.left(view, "go").touch()


def batch_of(service: RunningHandoff, select: Any = "annotated", **facts: Any) -> str:
    return service.client.form_batch(BatchRequest(project="lungs", select=select, **facts)).id


def starts(service: RunningHandoff, view: HandoffView) -> int:
    """How often the step of a run was started."""
    file = service.left(view, "ran.txt")
    return len(file.read_text().splitlines()) if file.exists() else 0
