"""Experiments: a name is taken once in a namespace, also in other letters."""

import sqlite3
import time
import uuid
from typing import Any

from tests.kubeflow_server.answers import message, time_of
from tests.kubeflow_server.database import Database, storable
from tests.kubeflow_server.errors import exists, internal, invalid, not_found
from tests.kubeflow_server.listings import Listing
from tests.kubeflow_server.messages import EXPERIMENT, read

_LISTING = Listing(
    "experiments",
    "experiment_id",
    {
        "id": "experiment_id",
        "name": "display_name",
        **{
            name: name
            for name in (
                "experiment_id", "display_name", "created_at", "description", "namespace", "storage_state",
                "last_run_created_at",
            )
        },
    },
)  # fmt: skip


class Experiments:
    """The operations on experiments."""

    def __init__(self, database: Database, *, multi_user: bool) -> None:
        self._database = database
        self._multi_user = multi_user
        if not multi_user and database.row("SELECT 1 FROM experiments WHERE display_name = 'Default'") is None:
            self.create({"display_name": "Default", "description": "All runs created without specifying an experiment"})

    def namespace(self, asked: str, needed: str) -> str:
        """The namespace that counts: none where there is one user.

        Raises:
            ApiError: many users and no namespace.
        """
        if self._multi_user and not asked:
            raise invalid(f"{needed} needs a namespace in multi-user mode")
        return asked if self._multi_user else ""

    def create(self, body: Any) -> dict[str, Any]:
        """POST /experiments."""
        given = read(body, EXPERIMENT)
        name, description = given.get("display_name", ""), given.get("description", "")
        if not name:
            raise invalid("Experiment name is empty. Please specify a valid experiment name")
        if len(name) > 128:
            raise invalid("Experiment.Name length cannot exceed 128")
        namespace = self.namespace(given.get("namespace", ""), "An experiment")
        if not storable(name) or not storable(description):
            raise internal("Failed to add experiment to experiment table: Incorrect string value")
        made = str(uuid.uuid4())
        try:
            with self._database.transaction() as connection:
                connection.execute(
                    "INSERT INTO experiments (experiment_id, namespace, display_name, description, created_at)"
                    " VALUES (?, ?, ?, ?, ?)",
                    (made, namespace, name, description, int(time.time())),
                )
        except sqlite3.IntegrityError as error:
            raise exists(f"Failed to create a new experiment. The name {name} already exists") from error
        return self.get(made)

    def get(self, experiment_id: str) -> dict[str, Any]:
        """GET /experiments/{id}."""
        return show(self.row(experiment_id))

    def list(self, query: dict[str, str]) -> dict[str, Any]:
        """GET /experiments."""
        namespace = self.namespace(query.get("namespace", ""), "A list of experiments")
        rows, total, token = _LISTING.page(self._database, query, namespace=namespace)
        return message(experiments=[show(row) for row in rows], total_size=total, next_page_token=token)

    def archive(self, experiment_id: str) -> dict[str, Any]:
        """POST /experiments/{id}:archive."""
        self.row(experiment_id)
        with self._database.transaction() as connection:
            query = "UPDATE experiments SET storage_state = 'ARCHIVED' WHERE experiment_id = ?"
            connection.execute(query, (experiment_id,))
        return {}

    def row(self, experiment_id: str) -> sqlite3.Row:
        """The experiment's row; of no id, the default one's."""
        if not experiment_id and not self._multi_user:
            found = self._database.row("SELECT * FROM experiments WHERE display_name = 'Default'")
        else:
            found = self._database.row("SELECT * FROM experiments WHERE experiment_id = ?", experiment_id)
        if found is None:
            raise not_found("Experiment", experiment_id)
        return found


def show(row: sqlite3.Row) -> dict[str, Any]:
    """An experiment as the API shows it."""
    return message(
        experiment_id=row["experiment_id"],
        display_name=row["display_name"],
        description=row["description"],
        created_at=time_of(row["created_at"]),
        namespace=row["namespace"],
        storage_state=row["storage_state"],
        last_run_created_at=time_of(row["last_run_created_at"]),
    )
