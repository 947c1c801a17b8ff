"""Duplicates of an association without end may be entered in pieces; none is lost and none counted twice."""

from pathlib import Path

import pytest

from processors.landing import journal
from processors.landing.journal import AssociationLine, DuplicateInstance
from processors.landing.recover import recover
from processors.ledger import associations, instances
from processors.ledger.reconcile import reconcile
from processors.ledger.schema import transaction
from tests.unit.receive.landing_desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def piece(desk: Desk, count: int, entered: slice = slice(3)) -> list[DuplicateInstance]:
    """An instance is kept, then sent again so often over an association that goes on; a piece of that is entered."""
    first = desk.associate()
    uid = desk.store(first)
    first.end("released")
    again = desk.associate()
    for _ in range(count):
        desk.now += 1
        desk.store(again, uid)
    told = [line.duplicate for line in journal.read(desk.layout.journal_of(again.facts.id), AssociationLine)]
    all_of_them = [each for each in told if each]
    with transaction(desk.ledger):
        associations.add_open(desk.ledger, again.facts)
        instances.add_duplicates(desk.ledger, again.facts.id, again.facts.called_ae, all_of_them[entered])
    return all_of_them


def test_while_it_is_open_each_is_counted_once(desk: Desk) -> None:
    piece(desk, 5)
    report = reconcile(desk.layout.root, desk.ledger_file, pause=lambda _: None)
    assert (report.acknowledged, report.states["duplicate"]) == (6, 5)
    desk.close()


@pytest.mark.parametrize("entered", [slice(0), slice(3), slice(2, 4), slice(5)], ids=str)
def test_after_a_crash_the_journal_brings_the_rest(desk: Desk, entered: slice) -> None:
    sent = piece(desk, 5, entered)
    recover(desk.layout, desk.ledger)
    rows = desk.rows(
        "SELECT received_at, duplicate_of IS NOT NULL FROM instances"
        " WHERE disposition = 'duplicate' ORDER BY received_at"
    )
    assert rows == [(each.received_at, 1) for each in sent]
    assert desk.rows("SELECT acknowledged FROM associations WHERE ending = 'lost'") == [(5,)]
    assert reconcile(desk.layout.root, desk.ledger_file, pause=lambda _: None).gaps == []
    desk.close()
