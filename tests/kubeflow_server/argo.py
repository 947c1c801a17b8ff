"""The cluster beside the API: workflows, each with the id of the run that it says it belongs to.

A workflow goes Pending, Running, then Succeeded or Failed, by the script's times or by really running its steps.
Each step is reported into the run of its id, whoever made the run: an orphan overwrites it. A workflow whose run
the API never stored is collected after a grace.
"""

import json
import random
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from tests.kubeflow_server.answers import time_of
from tests.kubeflow_server.database import Database

Execute = Callable[[dict[str, Any], dict[str, Any]], None]
"""Runs a pipeline with parameters; an exception is a failed workflow."""
_STATES = {"Pending": "PENDING", "Running": "RUNNING", "Succeeded": "SUCCEEDED", "Failed": "FAILED"}
_ENDED = ("Succeeded", "Failed")
_TICK_SECONDS = 0.05


@dataclass(frozen=True)
class Script:
    """How long a workflow takes, in seconds, and how it ends; no running_seconds means that it never ends."""

    pending_seconds: float = 0.1
    running_seconds: float | None = 0.2
    outcome: str = "Succeeded"
    terminate_seconds: float = 0.2
    collect_seconds: float = 120.0
    held: bool = False
    """Nothing goes on: workflows are made, and stay as they are."""


class Argo:
    """Makes workflows and lets them go on."""

    def __init__(self, database: Database, script: Script, execute: Execute | None = None) -> None:
        self._database = database
        self.script = script
        self._execute = execute
        self._pool = ThreadPoolExecutor(2, "steps")
        self._stop = threading.Event()
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._tick, name="argo")

    def change(self, **changes: Any) -> None:
        """Change the script for what comes next; on return nothing goes on by the one before."""
        with self._turn:
            self.script = replace(self.script, **changes)

    def open(self) -> None:
        """Begin to tick; what ran when the process ended, runs again."""
        if self._execute is not None:
            for row in self._database.rows("SELECT * FROM workflows WHERE phase = 'Running' AND NOT collected"):
                self._pool.submit(self._steps, row["name"], row["spec"], row["parameters"])
        self._thread.start()

    def close(self) -> None:
        """End the ticking."""
        self._stop.set()
        self._thread.join()
        self._pool.shutdown(cancel_futures=True)

    def start(self, run_id: str, display_name: str, spec: dict[str, Any], parameters: dict[str, Any]) -> str:
        """Make a workflow; its name is new each time."""
        info = spec.get("pipeline_spec", spec)["pipelineInfo"]["name"]
        name, now = f"{info[:40]}-{secrets.token_hex(4)}", time.time()
        due = now + self.script.pending_seconds * random.uniform(0.5, 1.0)
        values = (name, run_id, display_name, "Pending", due, now, json.dumps(spec), json.dumps(parameters))
        with self._database.transaction() as connection:
            connection.execute("INSERT INTO workflows VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)", values)
        return name

    def terminate(self, name: str, connection: sqlite3.Connection) -> None:
        """End a workflow soon: it fails. In the caller's transaction, else it could report itself in between."""
        _set_phase(connection, name, "Terminating", self.script.terminate_seconds)

    def retry(self, name: str) -> None:
        """Let a failed workflow run again."""
        self._move(name, "Pending", self.script.pending_seconds)
        self.report(name, even_pending=True)

    def report(self, name: str, *, even_pending: bool = False) -> None:
        """Write a workflow's phase into the run that it belongs to by its id."""
        with self._database.transaction() as connection:
            row = connection.execute("SELECT * FROM workflows WHERE name = ?", (name,)).fetchone()
            if row["phase"] not in _STATES or (row["phase"] == "Pending" and not even_pending):
                return
            state, now = _STATES[row["phase"]], int(time.time())
            run = connection.execute("SELECT * FROM runs WHERE run_id = ?", (row["run_id"],)).fetchone()
            if run is None or run["state"] == state:
                return
            history = [*json.loads(run["state_history"]), {"update_time": time_of(now), "state": state}]
            connection.execute(
                "UPDATE runs SET state = ?, state_history = ?, finished_at = ? WHERE run_id = ?",
                (state, json.dumps(history), now if row["phase"] in _ENDED else 0, row["run_id"]),
            )

    def _tick(self) -> None:
        while not self._stop.wait(_TICK_SECONDS):
            with self._turn:
                if not self.script.held:
                    self._go_on()

    def _go_on(self) -> None:
        due = "SELECT * FROM workflows WHERE next_at <= ? AND NOT collected"
        for row in self._database.rows(due, time.time()):
            self._advance(row["name"], row["phase"], row["spec"], row["parameters"])
        self._collect()

    def _advance(self, name: str, phase: str, spec: str, parameters: str) -> None:
        if phase == "Pending":
            scripted = self._execute is None and self.script.running_seconds is not None
            self._move(name, "Running", self.script.running_seconds if scripted else None, only_if=phase)
            if self._execute is not None:
                self._pool.submit(self._steps, name, spec, parameters)
        elif phase == "Running":
            self._move(name, self.script.outcome, None, only_if=phase)
        elif phase == "Terminating":
            self._move(name, "Failed", None, only_if=phase)
        self.report(name)

    def _steps(self, name: str, spec: str, parameters: str) -> None:
        assert self._execute is not None
        try:
            self._execute(self._of_pods(name, json.loads(spec)), json.loads(parameters))
            phase = "Succeeded"
        except Exception:  # noqa: BLE001 - whatever a step raises is a failed workflow
            phase = "Failed"
        self._move(name, phase, None, only_if="Running")
        self.report(name)

    def _of_pods(self, name: str, spec: dict[str, Any]) -> dict[str, Any]:
        """The specification, with what pods are labelled with where there is something for Kubernetes in it."""
        if "platform_spec" not in spec:
            return spec
        row = self._database.row("SELECT run_id FROM workflows WHERE name = ?", name)
        return {**spec, "pod_labels": {"pipeline/runid": row["run_id"]}}

    def _move(self, name: str, phase: str, seconds: float | None, only_if: str | None = None) -> None:
        with self._database.transaction() as connection:
            _set_phase(connection, name, phase, seconds, only_if)

    def _collect(self) -> None:
        """Mark what the real server deletes: workflows that no run of the API stands for."""
        before = time.time() - self.script.collect_seconds
        query = "FROM workflows WHERE created_at < ? AND NOT collected AND run_id NOT IN (SELECT run_id FROM runs)"
        if self._database.row(f"SELECT 1 {query} LIMIT 1", before) is not None:
            with self._database.transaction() as connection:
                connection.execute(f"UPDATE workflows SET collected = 1 {query[len('FROM workflows') :]}", (before,))


def _set_phase(
    connection: sqlite3.Connection, name: str, phase: str, seconds: float | None, only_if: str | None = None
) -> None:
    due = None if seconds is None else time.time() + seconds
    connection.execute(
        "UPDATE workflows SET phase = ?, next_at = ? WHERE name = ? AND phase = coalesce(?, phase)",
        (phase, due, name, only_if),
    )
