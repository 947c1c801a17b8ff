"""Recurring runs, as far as they are slots that a run may name: they never start one by themselves here."""

import json
import sqlite3
import time
import uuid
from typing import Any

from tests.kubeflow_server.answers import message, time_of
from tests.kubeflow_server.database import Database
from tests.kubeflow_server.errors import invalid, not_found
from tests.kubeflow_server.experiments import Experiments
from tests.kubeflow_server.listings import Listing
from tests.kubeflow_server.messages import RECURRING_RUN, read

_LISTING = Listing(
    "recurring_runs",
    "recurring_run_id",
    {name: name for name in ("recurring_run_id", "display_name", "created_at", "experiment_id")},
)


class RecurringRuns:
    """The operations on recurring runs."""

    def __init__(self, database: Database, experiments: Experiments) -> None:
        self._database = database
        self._experiments = experiments

    def create(self, body: Any) -> dict[str, Any]:
        """POST /recurringruns."""
        given = read(body, RECURRING_RUN)
        if not given.get("display_name"):
            raise invalid("The input recurring run name is empty")
        if not given.get("trigger"):
            raise invalid("The job must have a trigger")
        experiment = self._experiments.row(given.get("experiment_id", ""))["experiment_id"]
        made = str(uuid.uuid4())
        values = (made, experiment, given["display_name"], given.get("mode", "ENABLE"), int(time.time()))
        with self._database.transaction() as connection:
            connection.execute("INSERT INTO recurring_runs VALUES (?, ?, ?, ?, ?, ?)", (*values, json.dumps(given)))
        return self.get(made)

    def get(self, recurring_run_id: str) -> dict[str, Any]:
        """GET /recurringruns/{id}."""
        found = self._database.row("SELECT * FROM recurring_runs WHERE recurring_run_id = ?", recurring_run_id)
        if found is None:
            raise not_found("RecurringRun", recurring_run_id)
        return _show(found)

    def list(self, query: dict[str, str]) -> dict[str, Any]:
        """GET /recurringruns."""
        rows, total, token = _LISTING.page(self._database, query)
        return message(recurringRuns=[_show(row) for row in rows], total_size=total, next_page_token=token)

    def set_mode(self, recurring_run_id: str, mode: str) -> dict[str, Any]:
        """POST /recurringruns/{id}:enable and :disable."""
        self.get(recurring_run_id)
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE recurring_runs SET mode = ? WHERE recurring_run_id = ?", (mode, recurring_run_id)
            )
        return {}


def _show(row: sqlite3.Row) -> dict[str, Any]:
    given = json.loads(row["body"])
    return message(
        recurring_run_id=row["recurring_run_id"],
        display_name=row["display_name"],
        experiment_id=row["experiment_id"],
        mode=row["mode"],
        status="ENABLED" if row["mode"] == "ENABLE" else "DISABLED",
        created_at=time_of(row["created_at"]),
        **{n: given[n] for n in ("trigger", "pipeline_version_reference", "runtime_config") if n in given},
    )
