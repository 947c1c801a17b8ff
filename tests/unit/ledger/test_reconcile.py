"""Every acknowledged instance in exactly one state, and every disagreement of two witnesses is named (invariant 2)."""

import json
import shutil
import sqlite3
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import pytest

from processors.landing.delivery import read_delivery
from processors.landing.errors import LandingMissingError
from processors.landing.journal import DeliveryLine, KeptInstance, append
from processors.landing.lock import hold
from processors.ledger import handoff_list, handoff_pin
from processors.ledger.accounts import STATES
from processors.ledger.errors import HandoffCertificateError, HandoffUnreachableError
from processors.ledger.gaps import HandoffShipment
from processors.ledger.reconcile import Report, reconcile
from processors.ledger.repair import repair
from processors.ledger.shipments import Fate, Shipment, confirm, package, pin, quarantine
from tests.certificates import TestAuthority
from tests.unit.receive.landing_desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()


class Delivered(NamedTuple):
    """A delivery of three instances and its shipment, confirmed: two passed, one withheld; a duplicate beside them."""

    delivery_id: str
    shipment: Shipment
    association_id: str


def deliver(desk: Desk) -> Delivered:
    one = desk.associate()
    first = desk.store(one)
    desk.store(one)
    desk.store(one)
    desk.store(one, first)
    one.end("released")
    delivery_id = desk.sealed[-1].id
    shipment = Shipment(f"{len(desk.sealed):032x}", delivery_id, "research", "lung", "p", "{}", "routed")
    pin(desk.ledger, delivery_id, [shipment], desk.now)
    fates = [Fate("000001.dcm"), Fate("000002.dcm"), Fate("000003.dcm", "verify-hit")]
    package(desk.ledger, shipment, sha256="ab", size=9, treatment="{}", fates=fates, now=desk.now)
    receipt = json.dumps({"receipt": {"id": shipment.id, "sha256": "ab", "size": 9}, "signature": "x"})
    (desk.layout.delivery(delivery_id) / f"receipt-{shipment.id}.json").write_text(receipt)
    confirm(desk.ledger, shipment, receipt, desk.now)
    return Delivered(delivery_id, shipment, one.facts.id)


def look(desk: Desk, handoff: dict[str, HandoffShipment] | None = None) -> Report:
    return reconcile(
        desk.layout.root, desk.ledger_file, (lambda: handoff) if handoff is not None else None, pause=lambda _: None
    )


def kinds(report: Report) -> list[tuple[str, str]]:
    return [(gap.subject, gap.kind) for gap in report.gaps]


def test_a_sound_home_has_no_gap_and_its_states_add_up(desk: Desk) -> None:
    done = deliver(desk)
    report = look(desk, {done.shipment.id: HandoffShipment("ab", 2, 1)})
    assert report.gaps == []
    assert report.acknowledged == 4
    assert report.states == dict.fromkeys(STATES, 0) | {"confirmed": 2, "withheld": 1, "duplicate": 1}
    assert report.witnesses == ("landing", "ledger", "receipts", "handoff")


@pytest.mark.parametrize(
    ("delivery", "shipment", "state"),
    [
        (("sealed", None), None, "in_flight"),
        (("announced", None), None, "in_flight"),
        (("parked", "unmatched"), None, "unmatched"),
        (("parked", "held:identity"), None, "held"),
        (("parked", "held:identity"), ("parked", "held:identity"), "held"),
        (("routed", None), ("routed", None), "in_flight"),
        (("routed", None), ("packaged", None), "in_flight"),
        (("terminal", None), ("confirmed", None), "confirmed"),
        (("terminal", None), ("quarantined", "all-withheld"), "withheld"),
        (("terminal", None), ("parked", "rejected:conflict"), "rejected"),
        (("terminal", None), ("closed", "withdrawn"), "withdrawn"),
        (("terminal", None), ("closed", "discarded:test"), "discarded"),
    ],
)
def test_each_instance_is_in_exactly_one_state(
    desk: Desk, delivery: tuple[str, str | None], shipment: tuple[str, str | None] | None, state: str
) -> None:
    one = desk.associate()
    desk.store(one)
    one.end("released")
    desk.ledger.execute("UPDATE deliveries SET state = ?, reason = ?", delivery)
    if shipment:
        desk.ledger.execute(
            "INSERT INTO shipments (id, delivery_id, destination, project, profile, treatment, state, reason)"
            " SELECT 's', id, 'd', 'p', 'p', '{}', ?, ? FROM deliveries",
            shipment,
        )
    assert look(desk).states == dict.fromkeys(STATES, 0) | {state: 1}


def test_an_instance_has_one_state_for_each_shipment(desk: Desk) -> None:
    done = deliver(desk)
    second = Shipment("f" * 32, done.delivery_id, "archive", "brain", "p", "{}", "routed")
    pin(desk.ledger, done.delivery_id, [second], desk.now)
    quarantine(desk.ledger, second, [Fate(f"00000{n}.dcm", "kind-unsupported") for n in (1, 2, 3)], desk.now)
    assert look(desk).states == dict.fromkeys(STATES, 0) | {"confirmed": 2, "withheld": 4, "duplicate": 1}


def damage_file(desk: Desk, done: Delivered) -> None:
    (desk.layout.delivery(done.delivery_id) / "000002.dcm").unlink()


def cut_file(desk: Desk, done: Delivered) -> None:
    (desk.layout.delivery(done.delivery_id) / "000002.dcm").write_bytes(b"short")


def lose_folder(desk: Desk, done: Delivered) -> None:
    shutil.rmtree(desk.layout.delivery(done.delivery_id))


def damage_delivery_json(desk: Desk, done: Delivered) -> None:
    (desk.layout.delivery(done.delivery_id) / "delivery.json").write_text("{}")


def lose_seal(desk: Desk, done: Delivered) -> None:
    (desk.layout.delivery(done.delivery_id) / "delivery.json").unlink()


def find_journal(desk: Desk, done: Delivered) -> None:
    """As a start leaves it that has not found all files."""
    folder = desk.layout.delivery(done.delivery_id)
    first = read_delivery(folder).instances[0]
    lines = [KeptInstance(received_at=1.0, instance=first.model_copy(update={"file": "000099.dcm"}))]
    append(folder / "journal.jsonl", *(DeliveryLine(kept=line) for line in lines))


def sql(statement: str) -> Callable[[Desk, Delivered], None]:
    return lambda desk, done: desk.ledger.execute(statement) and None


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (damage_file, [("delivery", "files-missing")]),
        (cut_file, [("delivery", "files-missing")]),
        (lose_folder, [("delivery", "not-in-landing"), ("shipment", "no-receipt")]),
        (damage_delivery_json, [("delivery", "delivery-unreadable")]),
        (lose_seal, [("delivery", "unsealed")]),
        (find_journal, [("delivery", "journal-differs")]),
        (sql("UPDATE instances SET digest = 'x' WHERE id = 1"), [("delivery", "rows-differ")]),
        (sql("UPDATE instances SET revision = 2 WHERE id = 1"), [("delivery", "rows-differ")]),
        (
            sql("DELETE FROM instances WHERE id = 1"),
            [("delivery", "rows-differ"), ("association", "association-counts")],
        ),
        (sql("DELETE FROM instances WHERE disposition = 'duplicate'"), [("association", "association-counts")]),
        (sql("DELETE FROM evidence"), [("association", "no-evidence")]),
        (sql("UPDATE deliveries SET state = 'seen', due_at = NULL"), [("delivery", "stalled")]),
        (sql("UPDATE evidence SET state = 'translated', due_at = NULL"), [("evidence", "evidence-stalled")]),
        (sql("UPDATE evidence SET state = 'pending', due_at = NULL"), [("evidence", "evidence-stalled")]),
        (sql("UPDATE shipments SET receipt = NULL"), [("shipment", "no-receipt")]),
        (
            sql("UPDATE shipments SET package_sha256 = 'cd'"),
            [("shipment", "no-receipt"), ("shipment", "handoff-differs")],
        ),
        (sql("UPDATE shipments SET passed = 3"), [("shipment", "shipment-counts"), ("shipment", "handoff-differs")]),
        (sql("DELETE FROM shipment_instances WHERE state = 'withheld'"), [("shipment", "shipment-counts")]),
        (sql("UPDATE shipments SET state = 'packaged'"), [("delivery", "terminal-too-early")]),
        (sql("DELETE FROM shipments"), [("delivery", "no-shipments"), ("shipment", "unknown-shipment")]),
    ],
)
def test_every_disagreement_is_named_by_id(
    desk: Desk, damage: Callable[[Desk, Delivered], None], found: list[tuple[str, str]]
) -> None:
    done = deliver(desk)
    [(evidence_id,)] = desk.rows("SELECT id FROM evidence")
    damage(desk, done)
    ids = {
        "delivery": done.delivery_id,
        "shipment": done.shipment.id,
        "association": done.association_id,
        "evidence": evidence_id,
    }
    report = look(desk, {done.shipment.id: HandoffShipment("ab", 2, 1)})
    assert sorted(kinds(report)) == sorted((ids[subject], kind) for subject, kind in found)


def test_a_confirmed_shipment_that_the_handoff_does_not_list_is_a_gap(desk: Desk) -> None:
    done = deliver(desk)
    assert kinds(look(desk, {})) == [(done.shipment.id, "not-at-handoff")]


def test_a_package_on_its_way_may_be_at_the_handoff_or_not(desk: Desk) -> None:
    done = deliver(desk)
    desk.ledger.execute("UPDATE shipments SET state = 'packaged'")
    desk.ledger.execute("UPDATE deliveries SET state = 'routed', due_at = 0")
    assert look(desk, {}).gaps == []
    assert look(desk, {done.shipment.id: HandoffShipment("ab", 2, 1)}).gaps == []


def test_originals_that_retention_removed_are_no_gap(desk: Desk) -> None:
    done = deliver(desk)
    damage_file(desk, done)
    desk.ledger.execute("INSERT INTO events (at, subject, event) VALUES (0, ?, 'removed')", (done.delivery_id,))
    assert look(desk).gaps == []


def test_what_is_still_open_counts_as_in_flight_while_a_receiver_runs(desk: Desk) -> None:
    one = desk.associate()
    uid = desk.store(one)
    desk.store(one, uid)
    desk.ledger.execute(
        "INSERT INTO associations (id, opened_at, calling_ae, called_ae, peer, ending)"
        " VALUES (?, 0, '', '', '', 'open')",
        (one.facts.id,),
    )
    with hold(desk.layout.receiver_lock, "receiver"):
        report = look(desk)
    assert report.gaps == []
    assert report.acknowledged == 2
    assert report.states == dict.fromkeys(STATES, 0) | {"in_flight": 1, "duplicate": 1}


def test_a_gap_that_a_second_look_does_not_see_was_none(desk: Desk) -> None:
    desk.enters = False
    one = desk.associate()
    desk.store(one)
    one.end("released")

    def enter_meanwhile(_: float) -> None:
        repair(desk.layout.root, desk.ledger_file, [])

    assert reconcile(desk.layout.root, desk.ledger_file, pause=enter_meanwhile).gaps == []


def test_reconciling_writes_nothing(desk: Desk) -> None:
    done = deliver(desk)
    damage_file(desk, done)
    before = snapshot(desk)
    look(desk, {})
    assert snapshot(desk) == before


def test_repair_announces_again_what_would_wait_for_ever(desk: Desk) -> None:
    deliver(desk)
    desk.ledger.execute("UPDATE deliveries SET state = 'seen', due_at = NULL")
    repair(desk.layout.root, desk.ledger_file, look(desk).gaps)
    assert desk.rows("SELECT state, due_at FROM deliveries") == [("seen", 0)]
    assert look(desk).gaps == []


@pytest.mark.parametrize("state", ["pending", "translated"])
def test_repair_announces_evidence_again_that_would_wait_for_ever(desk: Desk, state: str) -> None:
    deliver(desk)
    desk.ledger.execute("UPDATE evidence SET state = ?, due_at = NULL", (state,))
    repair(desk.layout.root, desk.ledger_file, look(desk).gaps)
    assert desk.rows("SELECT state, due_at FROM evidence") == [(state, 0)]
    assert look(desk).gaps == []


def test_a_landing_that_is_not_there_is_an_error_with_a_remedy(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(LandingMissingError, match="nowhere"):
        reconcile(tmp_path / "nowhere", desk.ledger_file, pause=lambda _: None)


def test_repair_announces_again_what_was_called_terminal_too_early(desk: Desk) -> None:
    deliver(desk)
    desk.ledger.execute("UPDATE shipments SET state = 'packaged'")
    repair(desk.layout.root, desk.ledger_file, look(desk).gaps)
    assert desk.rows("SELECT state, due_at FROM deliveries") == [("routed", 0)]
    assert look(desk).gaps == []


def test_repair_enters_what_only_the_landing_knows(desk: Desk) -> None:
    desk.enters = False
    one = desk.associate()
    desk.store(one)
    one.end("released")
    assert [kind for _, kind in kinds(look(desk))] == ["not-in-ledger"]
    repair(desk.layout.root, desk.ledger_file, look(desk).gaps)
    assert desk.rows("SELECT state, due_at FROM deliveries") == [("sealed", 0)]
    assert look(desk).gaps == []


def test_repair_sends_a_kept_package_again_that_the_handoff_lost(desk: Desk) -> None:
    done = deliver(desk)
    kept = desk.layout.delivery(done.delivery_id) / f"{done.shipment.id}.zip"
    repair(desk.layout.root, desk.ledger_file, look(desk, {}).gaps)
    assert desk.rows("SELECT state FROM shipments") == [("confirmed",)]
    kept.write_bytes(b"package")
    repair(desk.layout.root, desk.ledger_file, look(desk, {}).gaps)
    assert desk.rows("SELECT s.state, d.state, due_at FROM shipments s, deliveries d") == [("packaged", "routed", 0)]


def test_the_handoffs_list_is_read_page_by_page() -> None:
    pages = {
        "/v1/shipments?limit=200": {"items": [item("a")], "next": "a"},
        "/v1/shipments?limit=200&after=a": {"items": [item("b")], "next": None},
    }
    with serving(pages) as url:
        assert handoff_list.fetch(url, "secret") == {
            "a": HandoffShipment("aa", 2, 1),
            "b": HandoffShipment("bb", 2, 1),
        }
        with pytest.raises(HandoffUnreachableError, match="401"):
            handoff_list.fetch(url, "wrong")
    with pytest.raises(HandoffUnreachableError):
        handoff_list.fetch(url, "secret")
    with pytest.raises(HandoffUnreachableError):
        handoff_list.fetch("file:///etc/passwd", "secret")


def test_a_handoff_that_the_named_authority_does_not_vouch_for_is_not_asked(tmp_path: Path) -> None:
    ours, stranger = TestAuthority.new(tmp_path / "ours"), TestAuthority.new(tmp_path / "stranger")
    tls = server_context(*ours.issue("handoff"), ours.file)
    certificate, key = ours.issue("trusted-side")
    with serving({"/v1/shipments?limit=200": {"items": [item("a")], "next": None}}, tls) as url:
        pin = handoff_pin.context(ours.file, certificate, key)
        assert handoff_list.fetch(url, "secret", pin) == {"a": HandoffShipment("aa", 2, 1)}
        for other in (None, handoff_pin.context(stranger.file, certificate, key), handoff_pin.context(ours.file)):
            with pytest.raises(HandoffUnreachableError):
                handoff_list.fetch(url, "secret", other)


def test_a_pin_that_is_no_certificate_is_one_error(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nothing of the kind")
    authority = TestAuthority.new(tmp_path)
    for files in ((wrong, None), (tmp_path / "missing.pem", None), (authority.file, wrong)):
        with pytest.raises(HandoffCertificateError, match="cannot be used"):
            handoff_pin.context(*files)


def server_context(certificate: Path, key: Path, clients: Path) -> ssl.SSLContext:
    """Of a server that asks its clients for a certificate."""
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=clients)
    made.load_cert_chain(certificate, key)
    made.verify_mode = ssl.CERT_REQUIRED
    return made


def item(name: str) -> dict[str, object]:
    return {"id": name, "sha256": 2 * name, "delivered": 2, "withheld": 1, "project": "lung"}


class serving:  # noqa: N801 - reads as a statement
    """A handoff that has only these pages, and speaks TLS if it is told by which certificate."""

    def __init__(self, pages: dict[str, dict[str, object]], tls: ssl.SSLContext | None = None) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                allowed = self.headers["Authorization"] == "Bearer secret"
                self.send_response(200 if allowed else 401)
                self.end_headers()
                self.wfile.write(json.dumps(pages[self.path]).encode() if allowed else b"")

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.scheme = "https" if tls else "http"
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)

    def __enter__(self) -> str:
        Thread(target=self.server.serve_forever, daemon=True).start()
        return f"{self.scheme}://127.0.0.1:{self.server.server_port}"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def snapshot(desk: Desk) -> tuple[list[str], dict[str, bytes]]:
    with closing(sqlite3.connect(desk.ledger_file)) as connection:
        dump = list(connection.iterdump())
    files = {str(file): file.read_bytes() for file in sorted(desk.layout.root.rglob("*")) if file.is_file()}
    return dump, files
