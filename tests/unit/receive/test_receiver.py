"""What a receiver could not enter into the ledger is whole again after the next start."""

import io
import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from processors.dicom.engine import Peer
from processors.dicom.event_log import EventLog
from processors.dicom.receiver import Receiver, ReceiverSettings
from processors.landing import closing as closing_module
from processors.landing.evidence import read_evidence
from processors.landing.filling import SealedDelivery
from processors.landing.recover import recover
from processors.ledger.reconcile import reconcile
from processors.ledger.schema import connect
from tests.unit.receive.landing_desk import Desk
from tests.unit.receive.test_durability import send


def failing(real: Callable[..., object], deliveries: set[str]) -> Callable[..., object]:
    """Fails for the first delivery that comes, each time."""

    def enter(connection: sqlite3.Connection, sealed: SealedDelivery) -> object:
        deliveries.add(next(iter(deliveries), sealed.delivery.id))
        if sealed.delivery.id in deliveries:
            raise ValueError("a bug")
        return real(connection, sealed)

    return enter


def test_an_association_does_not_end_in_the_ledger_without_all_its_deliveries(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its evidence would say too little, and the study would be called complete without them."""
    log = io.StringIO()
    receiver = Receiver(ReceiverSettings(desk.layout.root, desk.ledger_file, 0), desk.layout, EventLog(log))
    whole = closing_module.add_sealed
    monkeypatch.setattr(closing_module, "add_sealed", failing(whole, set()))
    association = receiver.opened(Peer("CT1", "LUNG", "192.0.2.1"))
    for uid in ("1.2.1", "1.2.2"):
        assert send(association, uid) == 0
    association.ended("released")
    receiver.close()
    assert "UnsealedDeliveriesError" in log.getvalue()
    monkeypatch.setattr(closing_module, "add_sealed", whole)
    with closing(connect(desk.ledger_file)) as ledger:
        recover(desk.layout, ledger)
    [row] = desk.rows("SELECT id, ending, acknowledged FROM associations")
    assert row[1:] == ("released", 2)  # as its evidence says, which tells of both
    evidence = read_evidence(desk.layout.evidence_of(str(row[0])))
    assert evidence is not None
    assert [study.acknowledged for study in evidence.studies.values()] == [2]
    assert reconcile(desk.layout.root, desk.ledger_file, pause=lambda _: None).gaps == []
