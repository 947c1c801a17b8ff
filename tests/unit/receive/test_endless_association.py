"""An association without end holds no more in memory than its books have not been given yet, and nothing is lost."""

import io

import pytest

from processors.dicom.engine import Peer
from processors.dicom.event_log import EventLog
from processors.dicom.receiver import Receiver, ReceiverSettings
from processors.landing import association as landing_association
from processors.landing import journal
from processors.landing.evidence import read_evidence
from processors.landing.journal import AssociationLine
from processors.ledger import accounts
from processors.ledger.reconcile import reconcile
from tests.unit.receive.landing_desk import Desk
from tests.unit.receive.test_durability import send
from tests.waiting import wait_for

_CALLER = Peer("CT1", "LUNG", "192.0.2.1")
_PIECE = 3


@pytest.fixture
def receiver(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    monkeypatch.setattr(landing_association, "MOST_DUPLICATES_HELD", _PIECE)
    monkeypatch.setattr(landing_association, "MOST_REFUSALS_TOLD", _PIECE)
    return Receiver(ReceiverSettings(desk.layout.root, desk.ledger_file, 0), desk.layout, EventLog(io.StringIO()))


def test_duplicates_are_in_the_ledger_before_the_end_and_each_once_after_it(desk: Desk, receiver: Receiver) -> None:
    association = receiver.opened(_CALLER)
    for _ in range(1 + 2 * _PIECE + 1):
        assert send(association, "1.2.1") == 0
    counted = "SELECT count(*) FROM instances WHERE disposition = 'duplicate'"
    wait_for(lambda: desk.rows(counted) == [(2 * _PIECE,)])
    assert len(association._association._duplicates) == 1
    report = reconcile(desk.layout.root, desk.ledger_file, pause=lambda _: None)
    assert report.states["duplicate"] == 2 * _PIECE + 1
    association.ended("released")
    receiver.close()
    assert desk.rows(counted) == [(2 * _PIECE + 1,)]
    [row] = desk.rows("SELECT id, acknowledged FROM associations")
    evidence = read_evidence(desk.layout.evidence_of(str(row[0])))
    assert evidence is not None
    [study] = evidence.studies.values()
    assert (study.acknowledged, study.duplicates, row[1]) == (2 * _PIECE + 2, 2 * _PIECE + 1, 2 * _PIECE + 2)
    assert reconcile(desk.layout.root, desk.ledger_file, pause=lambda _: None).gaps == []


def test_refusals_are_counted_and_few_have_a_line(desk: Desk, receiver: Receiver) -> None:
    association = receiver.opened(_CALLER)._association
    for _ in range(1000):
        association.refuse(0xA700, "no-space")
    lines = list(journal.read(desk.layout.journal_of(association.facts.id), AssociationLine))
    assert sum(line.refusal is not None for line in lines) == _PIECE
    assert (len(association.refusals), association.refusals.rows) == (1000, 1)
    association.end("released")
    receiver.close()
    assert accounts.refused(desk.ledger) == {"no-space": 1000}
