"""A ledger that is lost, damaged, held or locked, and a clock that jumps: nothing that was acknowledged suffers."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from processors.dicom import receiver as receiver_module
from processors.landing.recover import recover
from processors.ledger.errors import LedgerUnreadableError
from processors.ledger.reconcile import reconcile
from processors.ledger.repair import rebuild
from processors.ledger.schema import connect
from tests.faults.receive.desk import Desk, an_object
from tests.waiting import wait_for

pytestmark = pytest.mark.integration

OBJECTS = {f"1.2.9.{number}": an_object(f"1.2.9.{number}") for number in range(30)}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A receiver at rest that has stored all objects, and each once more."""
    desk = Desk(tmp_path)
    with desk:
        send(desk, 0)
        send(desk, 0)
    return desk


def send(desk: Desk, answer: int) -> None:
    sender = desk.associate()
    assert {sender.store(uid, content) for uid, content in OBJECTS.items()} == {answer}
    sender.release()


def account(desk: Desk) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(desk.ledger)) as ledger:
        return ledger.execute(
            "SELECT sop_instance_uid, digest, revision, received_at, disposition, delivery_id"
            " FROM instances ORDER BY sop_instance_uid, disposition"
        ).fetchall()


def deleted(ledger: Path) -> None:
    for file in ledger.parent.glob("ledger.db*"):
        file.unlink()


def emptied(ledger: Path) -> None:
    deleted(ledger)
    ledger.touch()


def overwritten(ledger: Path) -> None:
    ledger.write_bytes(b"no database" * 1000)


def torn(ledger: Path) -> None:
    ledger.write_bytes(ledger.read_bytes()[: ledger.stat().st_size // 2])


def rotten(ledger: Path) -> None:
    """Every page but the first is damaged: it opens, and only whoever reads it sees that."""
    content = bytearray(ledger.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 64] = b"\xa5" * 64
    ledger.write_bytes(content)


@pytest.mark.parametrize("damage", [deleted, emptied, overwritten, torn, rotten])
def test_a_lost_or_damaged_ledger_is_made_anew_from_the_landing(desk: Desk, damage: Callable[[Path], None]) -> None:
    before = account(desk)
    assert len(before) == 2 * len(OBJECTS)
    damage(desk.ledger)
    damaged = desk.ledger.read_bytes() if desk.ledger.exists() else b""
    done = rebuild(desk.layout.root, desk.ledger)
    assert account(desk) == before
    assert reconcile(desk.layout.root, desk.ledger, pause=lambda _: None).gaps == []
    if damaged:
        assert desk.ledger.with_name(done.set_aside).read_bytes() == damaged
    else:
        assert done.set_aside == ""
    with desk:
        send(desk, 0)
    assert len(account(desk)) == 3 * len(OBJECTS)
    assert sum(row[4] == "delivered" for row in account(desk)) == len(OBJECTS)  # nothing doubles


def test_a_sound_ledger_is_left_where_it_is(desk: Desk) -> None:
    before = account(desk)
    assert rebuild(desk.layout.root, desk.ledger).set_aside == ""
    assert account(desk) == before


def test_a_receiver_does_not_start_on_a_ledger_that_is_none_and_says_what_to_do(desk: Desk) -> None:
    overwritten(desk.ledger)
    with pytest.raises(LedgerUnreadableError) as caught:
        connect(desk.ledger)
    assert "sluice ledger rebuild" in caught.value.remedy


def test_while_the_ledger_cannot_be_read_objects_are_refused_for_the_moment(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not as objects that cannot be understood: those, a sender does not send again."""

    def unreadable(*_: object) -> None:
        raise sqlite3.DatabaseError

    with desk:
        monkeypatch.setattr(receiver_module.instances, "earlier", unreadable)
        send(desk, 0xA700)
        monkeypatch.undo()
        send(desk, 0)


def test_a_ledger_deleted_under_a_running_receiver_costs_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with desk:
        sender = desk.associate()
        for uid, content in list(OBJECTS.items())[:10]:
            assert sender.store(uid, content) == 0
        deleted(desk.ledger)
        for uid, content in list(OBJECTS.items())[10:]:
            assert sender.store(uid, content) == 0
        sender.release()
    rebuild(desk.layout.root, desk.ledger)
    assert {row[0] for row in account(desk)} == set(OBJECTS)
    assert reconcile(desk.layout.root, desk.ledger, pause=lambda _: None).gaps == []


@pytest.mark.parametrize("hold", ["BEGIN", "BEGIN IMMEDIATE"], ids=["a reader", "a writer"])
def test_whoever_holds_the_ledger_open_keeps_no_store_waiting(tmp_path: Path, hold: str) -> None:
    """By what goes on meanwhile, not by time: all objects are answered before the ledger is let go."""
    desk = Desk(tmp_path)
    with desk:
        wait_for(lambda: account(desk) == [])
        with closing(sqlite3.connect(desk.ledger, isolation_level=None)) as other:
            other.execute(hold)
            assert other.execute("SELECT count(*) FROM instances").fetchone() == (0,)
            for _ in range(3):
                send(desk, 0)
            if hold == "BEGIN":  # a reader does not even keep the entries waiting
                wait_for(lambda: len(account(desk)) == 3 * len(OBJECTS))
            assert other.execute("SELECT count(*) FROM instances").fetchone() == (0,)
            other.execute("COMMIT")
        wait_for(lambda: len(account(desk)) == 3 * len(OBJECTS))
    assert reconcile(desk.layout.root, desk.ledger, pause=lambda _: None).gaps == []


def test_a_ledger_that_only_a_person_can_mend_refuses_early_and_says_what_to_do(tmp_path: Path) -> None:
    """Were objects still taken, all that is to be entered would pile up in memory for as long as nobody looks."""
    desk = Desk(tmp_path)
    with desk:
        sender = desk.associate()
        first, second, *_ = OBJECTS.items()
        assert sender.store(*first) == 0
        with closing(sqlite3.connect(desk.ledger, isolation_level=None)) as person:
            wait_for(lambda: person.execute("SELECT count(*) FROM associations").fetchone() == (1,))
            person.execute("ALTER TABLE deliveries RENAME TO elsewhere")
            sender.release()
            wait_for(lambda: desk.receiver.pressure.states == ("ledger",))
            assert desk.receiver.pressure.congestion() == "ledger"  # what rejects associations
            assert desk.receiver.metrics.strains() == ("ledger",)  # what makes /readyz say no
            late = desk.associate()
            assert late.store(*second) == 0xA700
            person.execute("ALTER TABLE elsewhere RENAME TO deliveries")
        wait_for(lambda: len(account(desk)) == 1)
        desk.relax()
        assert late.store(*second) == 0
        late.release()
    assert {row[0] for row in account(desk)} == {first[0], second[0]}
    told = [event for event in desk.events() if event["event"] == "trouble"]
    assert [event["cause"] for event in told] == ["pressure-ledger", "pressure-over", "objects-refused"]
    assert "sluice ledger rebuild" in told[0]["remedy"]
    assert reconcile(desk.layout.root, desk.ledger, pause=lambda _: None).gaps == []


class Clock:
    """The module `time`, with a clock that can be set."""

    def __init__(self, real: object) -> None:
        self._real, self.offset = real, 0.0

    def __getattr__(self, name: str) -> object:
        return getattr(self._real, name)

    def time(self) -> float:
        return self._real.time() + self.offset  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("years", [-30, -1, 1, 40], ids=lambda years: f"{years} years")
def test_a_clock_that_jumps_neither_loses_nor_keeps_back_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, years: int
) -> None:
    clock = Clock(receiver_module.time)
    monkeypatch.setattr(receiver_module, "time", clock)
    desk = Desk(tmp_path, idle_seconds=0.2)
    with desk:
        sender = desk.associate()
        first, second, *_ = OBJECTS.items()
        assert sender.store(*first) == 0
        clock.offset = years * 365.25 * 86400
        wait_for(lambda: len(account(desk)) == 1)  # sealed by its silence, though the clock says otherwise
        assert sender.store(*second) == 0
        clock.offset = 0.0
        wait_for(lambda: len(account(desk)) == 2)
        sender.release()
    with closing(connect(desk.ledger)) as ledger:
        recover(desk.layout, ledger)
    assert reconcile(desk.layout.root, desk.ledger, pause=lambda _: None).gaps == []
