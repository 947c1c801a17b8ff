"""A withdrawal of many shipments: in pieces, each a short transaction; killed between two, it goes on."""

import pytest
from sqlalchemy import func, select

from handoff.database.tables import Batch, LineageEvent, Shipment, Study, Withdrawal, WithdrawnShipment
from handoff.errors import WithdrawnError
from handoff.schemas.withdrawals import MOST_SHIPMENTS, WithdrawalRequest
from handoff.withdrawals.ask import withdrawal_id
from handoff.withdrawals.show import show_withdrawal
from tests.integration.handoff.packages import Package, new_id


class Killed(BaseException):
    """What no code of ours catches: the process is gone."""


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr("handoff.withdrawals.mark._AT_ONCE", 2)
    monkeypatch.setattr("handoff.withdrawals.mark._SHORT_SECONDS", 0.0)


def killed_after(desk, monkeypatch, transactions: int, *packages: Package) -> str:
    """A withdrawal whose request is killed after so many transactions; its id."""
    write, left = type(desk.database).write, transactions

    def write_or_die(self):
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed
        return write(self)

    with monkeypatch.context() as patched:
        patched.setattr(type(desk.database), "write", write_or_die)
        with pytest.raises(Killed):
            desk.withdraw(*packages)
    return withdrawal_id("lungs", [package.id for package in packages])


def test_more_than_a_thousand_are_one_withdrawal_and_its_certificate_lists_all(desk, monkeypatch):
    monkeypatch.setattr("handoff.withdrawals.mark._AT_ONCE", 500)
    goes, named = Package.of(1), [new_id() for _ in range(1200)]
    desk.delivered(goes)
    asked = desk.withdraw(goes, *[Package.of(0, id=one) for one in named])
    assert desk.work(asked.id)
    said = desk.certificate(asked.id).certificate
    assert said.shipments == tuple(sorted([goes.id, *named]))
    assert said.never_arrived == tuple(sorted(named))


def test_there_is_a_most_of_one_request():
    facts = {"project": "lungs", "reason": "r"}
    assert len(WithdrawalRequest(shipments=("a" * 32,) * MOST_SHIPMENTS, **facts).shipments) == MOST_SHIPMENTS
    with pytest.raises(ValueError, match="at most"):
        WithdrawalRequest(shipments=("a" * 32,) * (MOST_SHIPMENTS + 1), **facts)


@pytest.mark.parametrize("transactions", [1, 3, 4, 5, 6])
def test_what_a_killed_request_left_is_gone_on_with_by_the_service(desk, monkeypatch, transactions):
    """One transaction writes the list down, three mark five shipments, one forgets the list, the rest shrink."""
    packages = [Package.of(1, patient=f"P{number}") for number in range(5)]
    desk.delivered(*packages)
    batch = desk.form()
    asked = killed_after(desk, monkeypatch, transactions, *packages)
    with desk.database.read() as session:
        row = session.get_one(Withdrawal, asked)
        shown = show_withdrawal(session, row)
    assert len(shown.shipments) == 5
    assert ("shipments" in shown.waiting_for) == (transactions < 5)
    assert desk.work(asked)
    with desk.database.read() as session:
        assert session.scalar(select(func.count()).select_from(WithdrawnShipment)) == 5
        assert set(session.scalars(select(Shipment.withdrawn_by))) == {asked}
        assert set(session.scalars(select(Study.version))) == {2}
        events = [event.event for event in session.scalars(select(LineageEvent))]
    assert events.count("batch-withdrawn") == 1
    assert desk.get(Batch, batch).withdrawn_by == asked
    assert desk.files() == set()
    assert len(desk.certificate(asked).certificate.shipments) == 5
    with pytest.raises(WithdrawnError):
        desk.deliver(packages[4])


def test_what_a_killed_request_left_is_gone_on_with_by_the_next_one(desk, monkeypatch):
    packages = [Package.of(1, patient=f"P{number}") for number in range(5)]
    desk.delivered(*packages)
    killed_after(desk, monkeypatch, 2, *packages)
    asked = desk.withdraw(*packages)
    assert not asked.created
    with desk.database.read() as session:
        assert set(session.scalars(select(Shipment.withdrawn_by))) == {asked.id}
        assert set(session.scalars(select(Study.version))) == {2}


def test_a_shipment_that_arrived_elsewhere_meanwhile_is_none_of_it(desk, monkeypatch):
    first, other = sorted([Package.of(1) for _ in range(2)], key=lambda package: package.id)
    more = [Package.of(1) for _ in range(3)]
    asked = killed_after(desk, monkeypatch, 1, first, other, *more)
    other.project = "livers"
    desk.deliver(other)
    assert desk.work(asked)
    assert desk.get(Shipment, other.id).withdrawn_by is None
    assert set(desk.certificate(asked).certificate.shipments) == {first.id, *[package.id for package in more]}


def test_studies_that_an_answer_did_not_wait_for_come_soon_after(desk, monkeypatch):
    packages = [Package.of(1, patient=f"P{number}") for number in range(3)]
    desk.delivered(*packages)
    with monkeypatch.context() as patched:
        patched.setattr("handoff.withdrawals.ask._PATIENCE_SECONDS", 0.0)
        asked = desk.withdraw(*packages)
    desk.work(asked.id)
    with desk.database.read() as session:
        assert set(session.scalars(select(Study.version))) == {2}
