"""Whether deliveries and decisions can be taken now, part by part.

The answer is 503 only for what keeps this replica from taking them: whoever balances the load would else send nothing
to a service that only lacks a worker, and deliveries would wait for no reason. `missing` names everything that does
not work, of both sorts.
"""

import functools
import time
from typing import Literal

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError

from handoff.contract.document import Document
from handoff.database.engine import Database
from handoff.database.migrate import configuration
from handoff.home import ResearchHome
from handoff.settings import Settings
from handoff.store import Store
from handoff.store.files import Condition, room
from handoff.telemetry.pulse import Working, working


class Health(Document):
    """Each part and whether it works."""

    ok: bool = Field(description="Whether deliveries and decisions can be taken now.")
    database: Literal["ok", "failed"] = "ok"
    db_schema: Literal["ok", "other"] = Field("ok", alias="schema", description="Other: migrated by another version.")
    store: Condition = Field("ok", description="Where packages are kept, and where bodies are spooled.")
    disk: Condition = Field("ok", description="The disk of the home.")
    closer: Literal["ok", "failed"] = Field("ok", description="The loop that closes studies.")
    stopping: bool = Field(default=False, description="Whether the service was told to end.")
    workers: dict[str, Working] = Field(default_factory=dict, description="Workers by target.")
    missing: tuple[str, ...] = Field((), description="Everything that does not work, workers too.")


def examine(
    settings: Settings, home: ResearchHome, database: Database, store: Store, *, closer: bool, stopping: bool
) -> Health:
    """Look at every part now. A disk is asked by writing to it, a database by reading its schema's number."""
    disk, kept = room(home.root), store.condition()
    revision, workers = _database(database, settings)
    essential = {
        "database": revision is not None,
        "schema": revision in {None, newest_revision()},
        "store": kept == "ok",
        "disk": disk == "ok",
        "closer": closer,
        "stopping": not stopping,
    }
    absent = tuple(f"worker:{target}" for target, state in workers.items() if state != "ok")
    return Health.model_validate(
        {
            "ok": all(essential.values()),
            "database": "failed" if revision is None else "ok",
            "schema": "ok" if essential["schema"] else "other",
            "store": kept,
            "disk": disk,
            "closer": "ok" if closer else "failed",
            "stopping": stopping,
            "workers": workers,
            "missing": (*(name for name, works in essential.items() if not works), *absent),
        }
    )


@functools.cache
def newest_revision() -> str:
    """The schema that this version needs."""
    return str(ScriptDirectory.from_config(configuration()).get_current_head())


def _database(database: Database, settings: Settings) -> tuple[str | None, dict[str, Working]]:
    """The schema's number, None when the database does not answer; and who works for which target."""
    try:
        with database.read() as session:
            revision = MigrationContext.configure(session.connection()).get_current_revision()
            if revision != newest_revision():
                return str(revision), {}
            return str(revision), working(session, settings.targets, time.time())
    except SQLAlchemyError:
        return None, {}
