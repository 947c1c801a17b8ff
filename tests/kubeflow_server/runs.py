"""Runs. Creating one is three steps, as in the real server, and any of them may be the last.

1. Checks: name, experiment, version, parameters. What fails here started nothing.
2. The workflow is made at the cluster. From now on something runs.
3. The row is inserted. Until then neither GET nor a list knows the run; if it fails, the workflow stays, an orphan.

Names are not unique. A run_id of the caller's own is taken as it is, so a repeat of it fails in (3) and leaves a
second workflow that reports into the first run. Only recurring_run_id with display_name makes a repeat the same run.
"""

import json
import sqlite3
import time
import uuid
from collections.abc import Callable
from typing import Any

from tests.kubeflow_server import specs
from tests.kubeflow_server.answers import message, time_of
from tests.kubeflow_server.argo import Argo
from tests.kubeflow_server.database import Database, storable
from tests.kubeflow_server.errors import ApiError, internal, invalid, not_found
from tests.kubeflow_server.experiments import Experiments
from tests.kubeflow_server.listings import Listing
from tests.kubeflow_server.messages import RUN, read
from tests.kubeflow_server.pipelines import Pipelines
from tests.kubeflow_server.recurring_runs import RecurringRuns

_SAME = (
    "run_id", "display_name", "created_at", "finished_at", "description", "scheduled_at", "storage_state", "namespace",
    "experiment_id", "state", "state_history", "recurring_run_id", "pipeline_id",
)  # fmt: skip
_LISTING = Listing(
    "runs", "run_id", {"id": "run_id", "name": "display_name", "status": "state", **{name: name for name in _SAME}}
)
Answer = dict[str, Any]


class Runs:
    """The operations on runs."""

    def __init__(
        self,
        database: Database,
        argo: Argo,
        experiments: Experiments,
        pipelines: Pipelines,
        recurring: RecurringRuns,
    ) -> None:
        self._database = database
        self._argo = argo
        self._experiments = experiments
        self._pipelines = pipelines
        self._recurring = recurring

    def begin(self, body: Any) -> Callable[[], Answer]:
        """POST /runs up to (2); what is returned does (3) and answers."""
        given = read(body, RUN)
        name = given.get("display_name", "")
        if not name:
            raise invalid("The run name is empty. Please specify a valid name")
        if given.get("plugins_output"):
            raise invalid("plugins_output must not be set by the client")
        slot = given.get("recurring_run_id")
        if slot:
            self._recurring.get(slot)
            replayed = self._replay(slot, name)
            if replayed is not None:
                return lambda: replayed
        experiment = self._experiments.row(given.get("experiment_id", ""))
        row = self._row(given, experiment)
        spec = self._spec(given, row)
        specs.check_parameters(spec, json.loads(row["parameters"]))
        row["workflow"] = self._argo.start(row["run_id"], name, spec, json.loads(row["parameters"]))  # (2)
        return lambda: self._insert(row, slot)

    def _row(self, given: dict[str, Any], experiment: sqlite3.Row) -> dict[str, Any]:
        now = int(time.time())
        slot, name = given.get("recurring_run_id"), given["display_name"]
        derived = uuid.uuid5(uuid.NAMESPACE_OID, f"{slot}/{name}") if slot else uuid.uuid4()
        runtime = given.get("runtime_config", {})
        return {
            "run_id": str(derived) if slot else given.get("run_id") or str(derived),
            "experiment_id": experiment["experiment_id"],
            "namespace": experiment["namespace"],
            "recurring_run_id": slot,
            "display_name": name,
            "description": given.get("description", ""),
            "storage_state": "AVAILABLE",
            "service_account": given.get("service_account") or "pipeline-runner",
            "created_at": now,
            "scheduled_at": now,
            "finished_at": 0,
            "state": "PENDING",
            "state_history": json.dumps([{"update_time": time_of(now), "state": "PENDING"}]),
            "pipeline_id": None,
            "pipeline_version_id": None,
            "pipeline_spec": None,
            "parameters": json.dumps(runtime.get("parameters", {})),
            "pipeline_root": runtime.get("pipeline_root", ""),
        }

    def _spec(self, given: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
        """The pipeline of a run, by reference or in the request; an unknown version is the server's failure."""
        if given.get("pipeline_spec"):
            specs.check(given["pipeline_spec"])
            row["pipeline_spec"] = json.dumps(given["pipeline_spec"])
            spec: dict[str, Any] = given["pipeline_spec"]
            return spec
        reference = given.get("pipeline_version_reference", {})
        version_id = reference.get("pipeline_version_id") or given.get("pipeline_version_id", "")
        if not version_id and not reference.get("pipeline_id"):
            raise invalid("Failed to fetch a template with an empty pipeline spec manifest")
        latest = self._pipelines.latest
        version = self._pipelines.version(version_id) if version_id else latest(reference["pipeline_id"])
        if version is None:
            raise internal(f"Failed to create a run: ResourceNotFoundError: PipelineVersion {version_id} not found.")
        row["pipeline_id"], row["pipeline_version_id"] = version["pipeline_id"], version["pipeline_version_id"]
        found: dict[str, Any] = json.loads(version["spec"])
        return found

    def _insert(self, row: dict[str, Any], slot: str | None) -> Answer:
        """Step (3)."""
        if not (storable(row["display_name"]) and storable(row["description"])):
            raise internal("Failed to store run to table: Data too long or incorrect string value")
        names = ", ".join(row)
        try:
            with self._database.transaction() as connection:
                connection.execute(
                    f"INSERT INTO runs ({names}) VALUES ({', '.join('?' * len(row))})", tuple(row.values())
                )
                connection.execute(
                    "UPDATE experiments SET last_run_created_at = ? WHERE experiment_id = ?",
                    (row["created_at"], row["experiment_id"]),
                )
        except sqlite3.IntegrityError as error:
            replayed = self._replay(slot, row["display_name"]) if slot else None
            if replayed is None:
                raise internal(f"Failed to store run {row['run_id']} to table: Duplicate entry") from error
            return replayed
        answer = self.get(row["run_id"])
        self._argo.report(row["workflow"])
        return answer

    def _replay(self, slot: str, name: str) -> Answer | None:
        found = self._database.row(
            "SELECT * FROM runs WHERE recurring_run_id = ? AND display_name = ? ORDER BY rowid LIMIT 1", slot, name
        )
        return _show(found) if found is not None else None

    def get(self, run_id: str) -> Answer:
        """GET /runs/{id}."""
        return _show(self._existing(run_id))

    def list(self, query: dict[str, str]) -> Answer:
        """GET /runs."""
        only = {}
        if query.get("experiment_id"):
            only["experiment_id"] = self._experiments.row(query["experiment_id"])["experiment_id"]
        elif namespace := self._experiments.namespace(query.get("namespace", ""), "A list of runs"):
            only["namespace"] = namespace
        rows, total, token = _LISTING.page(self._database, query, **only)
        return message(runs=[_show(row) for row in rows], total_size=total, next_page_token=token)

    def terminate(self, run_id: str) -> Answer:
        """POST /runs/{id}:terminate: once."""
        self._existing(run_id)
        with self._database.transaction() as connection:
            changed = connection.execute(
                "UPDATE runs SET state = 'CANCELING' WHERE run_id = ?"
                " AND state IN ('PAUSED', 'PENDING', 'RUNNING', 'RUNTIME_STATE_UNSPECIFIED')",
                (run_id,),
            ).rowcount
            if changed != 1:
                raise invalid(f"Failed to terminate a run {run_id}. Row not found")
            self._argo.terminate(self._existing(run_id)["workflow"], connection)
        return {}

    def retry(self, run_id: str) -> Answer:
        """POST /runs/{id}:retry: only of a run that failed; the same workflow goes on."""
        run = self._existing(run_id)
        if run["state"] != "FAILED":
            raise ApiError(10, f"Failed to retry run {run_id}: it is {run['state']}, not FAILED")
        self._argo.retry(run["workflow"])
        return {}

    def store(self, run_id: str, state: str) -> Answer:
        """POST /runs/{id}:archive and :unarchive."""
        self._existing(run_id)
        with self._database.transaction() as connection:
            connection.execute("UPDATE runs SET storage_state = ? WHERE run_id = ?", (state, run_id))
        return {}

    def _existing(self, run_id: str) -> sqlite3.Row:
        found = self._database.row("SELECT * FROM runs WHERE run_id = ?", run_id)
        if found is None:
            raise not_found("Run", run_id)
        return found


def _show(row: sqlite3.Row) -> Answer:
    names = (
        "experiment_id", "run_id", "display_name", "storage_state", "description", "service_account", "state",
        "recurring_run_id",
    )  # fmt: skip
    reference = {name: row[name] for name in ("pipeline_id", "pipeline_version_id") if row["pipeline_version_id"]}
    runtime = message(parameters=json.loads(row["parameters"]), pipeline_root=row["pipeline_root"])
    return message(
        **{name: row[name] for name in names},
        pipeline_spec=json.loads(row["pipeline_spec"] or "{}"),
        pipeline_version_reference=reference,
        runtime_config=runtime,
        created_at=time_of(row["created_at"]),
        scheduled_at=time_of(row["scheduled_at"]),
        finished_at=time_of(row["finished_at"]),
        state_history=json.loads(row["state_history"]),
    )
