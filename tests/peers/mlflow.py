"""A real MLflow tracking server over SQLite, in an environment of its own: `requirements/mlflow.lock`, by hash."""

import os
import subprocess
from pathlib import Path

import httpx

from tests.loopback import free_port
from tests.peers.environment import environment
from tests.waiting import wait_for


def make() -> Path:
    """The program; installed when it is not there. The folder's name says from which lock, and for which Python."""
    return environment("mlflow") / "bin" / "mlflow"


class MlflowServer:
    """A tracking server on loopback; `kill` and `start` as often as a test likes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "MlflowServer":
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [str(make()), "server", "--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db"]
        command += ["--artifacts-destination", str(self.folder / "artifacts"), "--workers", "1"]
        command += ["--host", "127.0.0.1", "--port", str(self.port)]
        nobody_is_told = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
        without_jobs = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **nobody_is_told, **without_jobs}
        log = self.folder / "server.log"
        with log.open("ab") as stream:
            self.process = subprocess.Popen(
                command, stdout=stream, stderr=stream, cwd=self.folder, env=environment, start_new_session=True
            )
        wait_for(self._answers, 240, complaint=log.read_text)
        return self

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "server.log").read_text()
        try:
            return httpx.get(f"{self.url}/health", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        """End the server and every process that it started: they are of one session."""
        if self.process is not None:
            os.killpg(self.process.pid, 9)
            self.process.wait()
            self.process = None
