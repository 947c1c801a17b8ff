"""The server as a process of its own: start, stop, kill, start again on the same port; and its database."""

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, Self

import httpx

from tests.kubeflow_server.database import connect
from tests.loopback import free_port

_ROOT = Path(__file__).parents[2]


class KubeflowServer:
    """One server; its folder keeps database, journal and log over restarts."""

    def __init__(
        self,
        folder: Path,
        *,
        faults: dict[str, Any] | None = None,
        script: dict[str, Any] | None = None,
        execute: str | None = None,
        token: str | None = None,
        multi_user: bool = False,
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._ports = {"--port": free_port(), "--control-port": free_port()}
        self._faults = faults or {}
        self._script = script or {}
        self._options = ["--execute", execute] if execute else []
        self._options += ["--multi-user"] if multi_user else []
        self.token = token
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self.stop()

    def start(self) -> Self:
        """Start it and wait until it listens; on the same ports each time."""
        command = [sys.executable, "-m", "tests.kubeflow_server", "--folder", str(self.folder), *self._options]
        command += ["--faults", json.dumps(self._faults), "--script", json.dumps(self._script)]
        command += ["--token", self.token] if self.token else []
        command += [str(part) for pair in self._ports.items() for part in pair]
        with (self.folder / "server.log").open("a") as log:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=_ROOT)
        line = self._process.stdout.readline()
        assert line, (self.folder / "server.log").read_text()
        return self

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"http://127.0.0.1:{self._ports['--port']}"

    def stop(self) -> None:
        """End it politely: commits in flight land first."""
        self._process.terminate()
        self._reap()

    def kill(self) -> None:
        """End it as a power cut would: commits in flight never land, their workflows are orphans."""
        self._process.kill()
        self._reap()

    def _reap(self) -> None:
        self._process.wait(timeout=60)
        self._process.stdout.close()
        self._process = None

    def meet(self, **faults: Any) -> None:
        """Change the faults; those not named stay."""
        self._faults |= faults
        self._change("faults", faults)

    def play(self, **script: Any) -> None:
        """Change how workflows go on; what is not named stays."""
        self._script |= script
        self._change("script", script)

    def land(self) -> None:
        """Let what would be inserted later be inserted now."""
        self._change("land", {})

    def _change(self, what: str, changes: dict[str, Any]) -> None:
        url = f"http://127.0.0.1:{self._ports['--control-port']}/{what}"
        httpx.put(url, json=changes, trust_env=False, timeout=60).raise_for_status()

    def rows(self, query: str, *values: object) -> list[sqlite3.Row]:
        """What the database says, also while the server is down."""
        with closing(connect(self.folder / "kubeflow.db", read_only=True)) as connection:
            return connection.execute(query, values).fetchall()

    def runs(self) -> Counter[str]:
        """How many runs there are of each name."""
        return Counter(dict(self.rows("SELECT display_name, count(*) FROM runs GROUP BY 1")))

    def workflows(self) -> Counter[str]:
        """How many workflows were ever started of each name, orphans included."""
        return Counter(dict(self.rows("SELECT display_name, count(*) FROM workflows GROUP BY 1")))

    def live(self) -> Counter[str]:
        """How many runs of each name succeeded or may still do so."""
        query = "SELECT display_name, count(*) FROM runs WHERE state NOT IN ('FAILED', 'CANCELING') GROUP BY 1"
        return Counter(dict(self.rows(query)))

    def requests(self) -> int:
        """How many requests it has answered, or left without an answer."""
        file = self.folder / "journal.jsonl"
        return file.read_bytes().count(b"\n") if file.exists() else 0

    def journal(self, operation: str | None = None) -> list[dict[str, Any]]:
        """Every request so far, or those of one operation."""
        file = self.folder / "journal.jsonl"
        text = file.read_text() if file.exists() else ""
        lines = [json.loads(line) for line in text.rpartition("\n")[0].splitlines()]  # the last may still be written
        return [line for line in lines if operation in {None, line["operation"]}]
