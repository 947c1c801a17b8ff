"""What a handoff of a test keeps its state in: a database and a store, each the real one."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from tests.peers.postgresql import Postgresql
from tests.peers.versitygw import Versitygw

BACKINGS = ("sqlite-folder", "postgresql-s3")
"""What a service starts with, and what a hospital has; database and store do not know each other."""


@dataclass(frozen=True)
class Backing:
    """Settings for `RunningHandoff`."""

    name: str
    settings: dict[str, Any]


def with_database(server: Postgresql, template: str) -> dict[str, Any]:
    """A database of its own, with the newest schema."""
    return {"database_url": server.url(server.database(template))}


def with_bucket(gateway: Versitygw) -> dict[str, Any]:
    """A prefix of its own; credentials by a file, so that tests in one process do not mix them."""
    s3 = {"endpoint": gateway.endpoint, "credentials_file": str(gateway.credentials_file())}
    return {"store_url": f"s3://{gateway.bucket}/{uuid4().hex}", "s3": s3}


def migrated(server: Postgresql) -> str:
    """A database to copy."""
    name = server.database()
    database = Database(server.url(name))
    upgrade(database)
    database.close()
    return name
