"""Troubles in the ledger: the same one is counted, the newest come first, and a flood of them has an end."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from processors.ledger import troubles
from processors.ledger.schema import connect, transaction
from processors.ledger.troubles import Trouble

DAY = 86400.0


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(tmp_path / "ledger.db")) as connection:
        yield connection


def add(ledger: sqlite3.Connection, *wanted: Trouble) -> None:
    with transaction(ledger):
        for trouble in wanted:
            troubles.add(ledger, trouble)


def unknown(at: float, title: str = "CT9") -> Trouble:
    return Trouble(at, "unknown-caller", calling_ae=title, called_ae="SLUICE", address="10.1.0.7")


def test_the_same_trouble_of_a_day_is_one_row_with_its_count(ledger: sqlite3.Connection) -> None:
    add(ledger, unknown(10 * DAY + 1), unknown(10 * DAY + 7), unknown(11 * DAY))
    found = [(each.count, each.first_at, each.trouble.at) for each in troubles.newest(ledger)]
    assert found == [(1, 11 * DAY, 11 * DAY), (2, 10 * DAY + 1, 10 * DAY + 7)]


def test_the_newest_come_first_and_of_one_peer_alone_if_asked(ledger: sqlite3.Connection) -> None:
    add(ledger, unknown(1.0, "A"), unknown(2.0, "B"), Trouble(3.0, "lost", peer="ct1", calling_ae="A"))
    assert [each.trouble.at for each in troubles.newest(ledger)] == [3.0, 2.0, 1.0]
    assert [each.trouble.at for each in troubles.newest(ledger, peer="A")] == [3.0, 1.0]
    assert [each.trouble.at for each in troubles.newest(ledger, peer="ct1")] == [3.0]
    assert [each.trouble.at for each in troubles.newest(ledger, since=2.5)] == [3.0]
    assert [each.trouble.at for each in troubles.newest(ledger, most=1)] == [3.0]


def test_callers_are_counted_by_the_best_name_that_is_known(ledger: sqlite3.Connection) -> None:
    add(ledger, unknown(1.0), unknown(DAY), Trouble(2.0, "lost", peer="ct1", calling_ae="CT1"))
    add(ledger, Trouble(3.0, "not-dicom", address="10.9.9.9"))
    assert troubles.counts(ledger, since=0.0) == [
        ("CT9", "unknown-caller", 2),
        ("10.9.9.9", "not-dicom", 1),
        ("ct1", "lost", 1),
    ]


def test_a_flood_of_titles_keeps_the_newest(ledger: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(troubles, "MOST_ROWS", 3)
    add(ledger, *(unknown(float(number), f"T{number}") for number in range(10)))
    assert [each.trouble.calling_ae for each in troubles.newest(ledger)] == ["T9", "T8", "T7"]
