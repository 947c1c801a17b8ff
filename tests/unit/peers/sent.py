"""A ledger that says who sent when."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from processors.ledger.schema import connect, transaction


def write_sent(ledger: Path, title: str, moments: Iterable[float], address: str = "10.0.0.1") -> None:
    """Enter an association of one object for each moment, Unix seconds."""
    connection = connect(ledger)
    with transaction(connection):
        for at in moments:
            _enter(connection, title, at, address)
    connection.close()


def _enter(connection: sqlite3.Connection, title: str, at: float, address: str) -> None:
    number = connection.execute("SELECT count(*) FROM associations").fetchone()[0]
    connection.execute(
        "INSERT INTO associations VALUES (?, ?, ?, ?, 'SLUICE', ?, 'released', 1, 0)",
        (f"{number:032x}", at, at + 1, title, address),
    )
