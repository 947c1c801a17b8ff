"""A statement for each modality: every acknowledged object once, sums that agree or are named, days of a time zone."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.ledger import accounts
from processors.ledger.by_peer import FATES, Account, accounts_of
from processors.ledger.callers import CallerName, Callers
from processors.ledger.commands import ledger as command
from processors.ledger.day_report import DayReport, Stretch, report_of
from processors.ledger.schema import MIGRATIONS
from processors.ledger.shipments import Fate, Shipment, confirm, package, pin, quarantine
from processors.peers import Peers
from tests.unit.receive.landing_desk import Desk

PEERS = """
peers:
  ct1: {sends: {ae_titles: [CT1, CT1_CONSOLE]}}
  east: {sends: {ae_titles: [ANY], addresses: [10.1.0.0/24]}}
  west: {sends: {ae_titles: [ANY], addresses: [10.2.0.0/24]}}
  pacs: {ae_title: RADPACS, host: pacs.hospital, port: 104}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path / "trusted")
    desk.now = 1_700_050_000.0  # 2023-11-15 12:06 UTC
    yield desk
    desk.close()


def report(desk: Desk, first: str = "2023-11-15", last: str = "", zone: str = "UTC") -> DayReport:
    stretch = Stretch(date.fromisoformat(first), date.fromisoformat(last or first), ZoneInfo(zone))
    return report_of(desk.ledger, desk.layout, Peers.parse(PEERS, "peers.yaml"), stretch)


def one_account(desk: Desk) -> Account:
    [account] = report(desk).accounts
    return account


def ship(desk: Desk, identifier: str, destination: str = "research") -> Shipment:
    shipment = Shipment(identifier * 32, desk.sealed[-1].id, destination, "lung", "p", "{}", "routed")
    pin(desk.ledger, shipment.delivery_id, [shipment], desk.now)
    return shipment


def deliver(desk: Desk, shipment: Shipment, *fates: Fate) -> None:
    package(desk.ledger, shipment, sha256="ab", size=9, treatment="{}", fates=fates, now=desk.now)
    confirm(desk.ledger, shipment, "{}", desk.now)


# What is counted


def test_each_object_is_in_its_column_and_the_columns_add_up(desk: Desk) -> None:
    one = desk.associate()
    first = desk.store(one)
    desk.store(one)
    desk.now += 60
    desk.store(one, first)
    one.refuse(0xC000, "malformed")
    one.refuse(0xA700, "no-room")
    one.refuse(0xC000, "malformed")
    one.end("released")
    deliver(desk, ship(desk, "a"), Fate("000001.dcm"), Fate("000002.dcm", "verify-hit"))
    found = report(desk)
    [account] = found.accounts
    assert found.gaps == []
    assert (account.associations, account.offered, account.acknowledged) == (1, 6, 3)
    assert account.refused == {0xC000: 2, 0xA700: 1}
    assert account.fates == {"duplicate": 1, "withheld": 1, "confirmed": 1}
    assert account.handed_off == 1
    assert account.bytes == sum(row[0] for row in desk.rows("SELECT size FROM instances"))  # type: ignore[misc]
    assert (account.first_at, account.last_at) == (desk.now - 60, desk.now)


def test_confirmed_is_by_all_destinations_and_handed_off_by_one(desk: Desk) -> None:
    one = desk.associate()
    desk.store(one)
    one.end("released")
    deliver(desk, ship(desk, "a"), Fate("000001.dcm"))
    assert (one_account(desk).fates, one_account(desk).handed_off) == ({"confirmed": 1}, 1)
    second = ship(desk, "b", "archive")
    assert (one_account(desk).fates, one_account(desk).handed_off) == ({"in_flight": 1}, 1)
    quarantine(desk.ledger, second, [Fate("000001.dcm", "kind-unsupported")], desk.now)
    assert (one_account(desk).fates, one_account(desk).handed_off) == ({"withheld": 1}, 1)


def test_an_open_association_is_said_to_be_open(desk: Desk) -> None:
    one = desk.associate()
    desk.store(one)
    desk.now += 100
    one.seal_if_idle(10.0)
    assert (one_account(desk).open_now, one_account(desk).acknowledged) == (1, 1)
    one.end("released")
    assert one_account(desk).open_now == 0


# Whose it is


@pytest.mark.parametrize(
    ("title", "address", "expected"),
    [
        ("CT1", "10.9.9.9", CallerName("ct1", is_known=True)),
        ("CT1_CONSOLE", "", CallerName("ct1", is_known=True)),
        ("ANY", "10.1.0.4", CallerName("east", is_known=True)),
        ("ANY", "::ffff:10.2.0.4", CallerName("west", is_known=True)),
        ("ANY", "10.3.0.4", CallerName("ANY", is_known=False)),
        ("RADPACS", "127.0.0.1", CallerName("pacs", is_known=True)),
        ("ct1", "10.9.9.9", CallerName("ct1", is_known=False)),
        ("CT1", "no address", CallerName("ct1", is_known=True)),
    ],
)
def test_a_caller_is_the_peer_of_the_file_or_its_own_title(title: str, address: str, expected: CallerName) -> None:
    assert Callers(Peers.parse(PEERS, "peers.yaml")).name(title, address) == expected


def test_a_title_that_looks_like_a_peers_name_is_not_that_peer(desk: Desk) -> None:
    for title in ("CT1", "ct1"):
        one = desk.associate()
        desk.store(one)
        one.end("released")
        desk.ledger.execute("UPDATE associations SET calling_ae = ? WHERE id = ?", (title, one.facts.id))
    found = {(account.caller.name, account.caller.is_known): account.acknowledged for account in report(desk).accounts}
    assert found == {("ct1", True): 1, ("ct1", False): 1}


# When it was


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [("UTC", "2026-03-29", 24), ("Europe/Vienna", "2026-03-29", 23), ("Europe/Vienna", "2026-10-25", 25)],
)
def test_a_day_is_as_long_as_the_clocks_of_its_zone_make_it(zone: str, day: str, hours: int) -> None:
    stretch = Stretch(date.fromisoformat(day), date.fromisoformat(day), ZoneInfo(zone))
    assert stretch.end - stretch.begin == hours * 3600


def test_an_object_belongs_to_the_day_it_came_and_an_association_to_the_day_it_began(desk: Desk) -> None:
    desk.now = 1_700_092_799.0  # one second before midnight UTC
    one = desk.associate()
    desk.store(one)
    desk.now += 1
    desk.store(one)
    one.end("released")
    counted = [(a.associations, a.acknowledged) for day in (15, 16) for a in report(desk, f"2023-11-{day}").accounts]
    assert counted == [(1, 1), (0, 1)]
    [both] = report(desk, "2023-11-15", "2023-11-16").accounts
    assert (both.associations, both.acknowledged) == (1, 2)
    [east] = report(desk, "2023-11-16", zone="Europe/Vienna").accounts
    assert (east.associations, east.acknowledged) == (1, 2)


# What does not agree is named

SPOILED = {
    "association-counts": "UPDATE associations SET acknowledged = acknowledged + 1",
    "refusal-counts": "DELETE FROM refusals",
    "delivery-counts": "UPDATE deliveries SET bytes = bytes + 1",
    "no-delivery": "DELETE FROM deliveries",
    "no-association": "DELETE FROM associations",
    "duplicate-of-nothing": "UPDATE instances SET duplicate_of = NULL",
    "shipment-counts": "UPDATE shipments SET withheld = withheld + 1",
}


@pytest.mark.parametrize(("kind", "damage"), SPOILED.items())
def test_sums_that_do_not_agree_are_named(desk: Desk, kind: str, damage: str) -> None:
    one = desk.associate()
    first = desk.store(one)
    desk.store(one, first)
    one.refuse(0xC000, "malformed")
    one.end("released")
    deliver(desk, ship(desk, "a"), Fate("000001.dcm"))
    assert report(desk).gaps == []
    desk.ledger.execute(damage)
    assert kind in {gap.kind for gap in report(desk).gaps}
    assert report(desk, "2023-11-14").gaps == [], "another day is not to blame"


def test_evidence_in_the_landing_is_a_witness(desk: Desk) -> None:
    one = desk.associate()
    desk.store(one)
    one.end("released")
    desk.layout.evidence_of(one.facts.id).unlink()
    [gap] = report(desk).gaps
    assert (gap.kind, gap.detail) == ("association-counts", "evidence 0, association 1, instances 1")


def test_what_a_modality_lists_itself_is_a_witness(desk: Desk) -> None:
    """A request for storage commitment and a completed procedure step; one object of each never came."""
    one = desk.associate()
    first, second = desk.store(one), desk.store(one)
    desk.now += 100
    one.seal_if_idle(10.0)
    write_lists(desk, first, second, "2.25.404")
    assert [gap.kind for gap in report(desk).gaps] == [], "it may be coming"
    one.end("released")
    found = report(desk)
    [account] = found.accounts
    assert (account.stated, account.stated_here) == (5, 3)
    assert [(gap.subject, gap.kind, gap.detail) for gap in found.gaps] == [
        ("c", "stated-missing", "commitment names 3, here are 2"),
        ("s", "stated-missing", "performed-step names 2, here are 1"),
    ]
    assert report(desk, "2023-11-14").gaps == []
    assert "of these here" in run(desk, "--by-peer", "--day", "2023-11-15")[1]


def write_lists(desk: Desk, first: str, second: str, absent: str) -> None:
    desk.ledger.execute(
        "INSERT INTO commitments (id, transaction_uid, association_id, calling_ae, called_ae, address, peer,"
        " received_at, state, total) VALUES ('c', '2.25.1', 'x', 'CT1', 'S', '192.0.2.1', '', ?, 'requested', 3)",
        (desk.now,),
    )
    desk.ledger.executemany(
        "INSERT INTO commitment_instances (commitment_id, number, sop_class_uid, sop_instance_uid)"
        " VALUES ('c', ?, '1.2', ?)",
        enumerate((first, second, absent)),
    )
    for identifier, state in (("s", "COMPLETED"), ("t", "DISCONTINUED")):
        desk.ledger.execute(
            "INSERT INTO performed_steps (sop_instance_uid, id, peer, association_id, study_uid, state, created_at,"
            " ended_at) VALUES (?, ?, 'ct1', 'x', '', ?, ?, ?)",
            (f"2.25.{identifier}", identifier, state, desk.now, desk.now),
        )
        desk.ledger.executemany(
            "INSERT INTO performed_instances VALUES (?, ?)", [(identifier, first), (identifier, absent)]
        )


# For all ledgers

STATES = st.sampled_from(
    [
        ("sealed", None, None, None),
        ("parked", "unmatched", None, None),
        ("parked", "held:identity", "parked", "held:identity"),
        ("routed", None, "routed", None),
        ("routed", None, "packaged", None),
        ("terminal", None, "quarantined", "all-withheld"),
        ("terminal", None, "confirmed", None),
        ("terminal", None, "parked", "held:x"),
        ("terminal", None, "parked", "rejected:conflict"),
        ("terminal", None, "closed", "withdrawn"),
        ("terminal", None, "closed", "discarded:test"),
    ]
)
INSTANCES = st.tuples(st.integers(0, 299), st.sampled_from(["delivered", "duplicate", "variant"]), st.booleans())
DELIVERIES = st.lists(st.tuples(st.integers(0, 3), STATES, st.lists(INSTANCES, max_size=4)), max_size=6)


@settings(max_examples=60, deadline=None)
@given(DELIVERIES)
def test_with_one_destination_each_it_says_what_the_ledgers_own_count_says(deliveries: list[tuple]) -> None:  # type: ignore[type-arg]
    with closing(filled(deliveries)) as connection:
        whole = accounts_of(connection, Peers(), 0, 300)
        parts = [account for begin in (0, 100, 200) for account in accounts_of(connection, Peers(), begin, begin + 100)]
        counted = Counter(accounts.count(connection))
        assert sum((account.fates for account in whole), Counter()) == +counted
        assert sum((account.fates for account in parts), Counter()) == +counted, "days partition"
        assert all(account.fates.total() == account.acknowledged for account in whole)
        assert sum(account.acknowledged for account in whole) == accounts.acknowledged(connection)
        assert all(account.handed_off <= account.acknowledged for account in whole)


def filled(deliveries: list[tuple]) -> sqlite3.Connection:  # type: ignore[type-arg]
    """A ledger with one shipment for each delivery that has one."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    for statement in [each for version in MIGRATIONS for each in version]:
        connection.execute(statement)
    for number in range(4):
        connection.execute(
            "INSERT INTO associations (id, opened_at, calling_ae, called_ae, peer, ending)"
            f" VALUES ('{number}', 0, 'CT{number % 2}', 'S', '', 'released')"
        )
    for number, (association, (state, reason, shipment, why), instances) in enumerate(deliveries):
        connection.execute(
            "INSERT INTO deliveries (id, association_id, called_ae, study_uid, series_uid, opened_at, instance_count,"
            " bytes, state, reason) VALUES (?, ?, 'S', '', '', 0, ?, 0, ?, ?)",
            (f"d{number}", str(association), len(instances), state, reason),
        )
        if shipment:
            connection.execute(
                "INSERT INTO shipments (id, delivery_id, destination, project, profile, treatment, state, reason,"
                " withheld) VALUES (?, ?, 'd', 'p', 'p', '{}', ?, ?, ?)",
                (f"s{number}", f"d{number}", shipment, why, sum(withheld for _, _, withheld in instances)),
            )
        for at, disposition, withheld in instances:
            row = connection.execute(
                "INSERT INTO instances (association_id, delivery_id, sop_instance_uid, sop_class_uid, study_uid,"
                " series_uid, called_ae, revision, digest, size, received_at, disposition)"
                " VALUES (?, ?, '1', '1', '1', '1', 'S', 1, '', 7, ?, ?)",
                (str(association), None if disposition == "duplicate" else f"d{number}", at, disposition),
            )
            if shipment and disposition != "duplicate":
                connection.execute(
                    "INSERT INTO shipment_instances VALUES (?, ?, ?, NULL)",
                    (f"s{number}", row.lastrowid, "withheld" if withheld else "passed"),
                )
    return connection


# The command


def run(desk: Desk, *arguments: str) -> tuple[int, str]:
    home = desk.ledger_file.parent.parent
    (home / "trusted" / "peers.yaml").write_text(PEERS)
    ran = CliRunner(env={"COLUMNS": "250"}).invoke(command, ["reconcile", "--home", str(home), *arguments])
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return ran.exit_code, ran.output


def test_the_command_says_the_same_to_scripts_and_people(desk: Desk) -> None:
    one = desk.associate()
    desk.store(one)
    one.end("released")
    code, said = run(desk, "--by-peer", "--day", "2023-11-15", "--json")
    document = json.loads(said)
    assert (code, document["gaps"], document["time_zone"]) == (0, [], "UTC")
    [row] = document["peers"]
    assert row["peer"] == "ct1"
    assert row["acknowledged"] == row["in_flight"] == sum(row[fate] for fate in FATES) == 1
    code, said = run(desk, "--by-peer", "--day", "2023-11-15", "--time-zone", "Asia/Tokyo")
    assert code == 0
    assert "ct1" in said
    assert "the sums agree" in said


def test_the_command_exits_1_when_sums_do_not_agree(desk: Desk) -> None:
    one = desk.associate()
    desk.store(one)
    one.end("released")
    desk.ledger.execute("UPDATE associations SET acknowledged = 5")
    code, said = run(desk, "--by-peer", "--day", "2023-11-15")
    assert code == 1
    assert f"gap association-counts {one.facts.id} evidence 1, association 5, instances 1" in said


@pytest.mark.parametrize(
    "arguments",
    [
        ("--day", "2023-11-15"),
        ("--by-peer", "--repair"),
        ("--by-peer", "--day", "yesterday"),
        ("--by-peer", "--day", "2023-11-15", "--until", "2023-11-14"),
        ("--by-peer", "--time-zone", "Mars/Olympus"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(desk: Desk, arguments: tuple[str, ...]) -> None:
    assert run(desk, *arguments)[0] == 2


def test_a_day_is_found_by_an_index(desk: Desk) -> None:
    plan = desk.rows("EXPLAIN QUERY PLAN SELECT 1 FROM refusals WHERE at >= 1 AND at < 2")
    plan += desk.rows("EXPLAIN QUERY PLAN SELECT 1 FROM associations WHERE opened_at >= 1 AND opened_at < 2")
    plan += desk.rows("EXPLAIN QUERY PLAN SELECT id FROM instances WHERE received_at >= 1 AND received_at < 2")
    assert all("USING" in str(row[-1]) and "INDEX" in str(row[-1]) for row in plan)
