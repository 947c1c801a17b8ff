"""Who is told, and when again: a clock that tests turn, and peers that answer as they say (PS3.4 J.3.3)."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import pytest

from processors.dicom.commitment.report import event_of
from processors.dicom.commitment.reporter import BACKOFF_SECONDS, Reporter
from processors.dicom.errors import PeerDownError
from processors.landing.commitments import CommitmentRequest, ReferencedInstance
from processors.landing.recover import recover
from processors.landing.retention import DAY_SECONDS
from processors.ledger import commitments
from processors.ledger.commitments import Commitment, CommittedInstance
from processors.ledger.promises import promised_until
from processors.ledger.schema import connect, transaction
from processors.peers import Peer, Peers
from tests.unit.receive.landing_desk import Desk
from tests.waiting import wait_for

CT = "1.2.840.10008.5.1.4.1.1.2"
FILE = """
peers:
  ct1: {ae_title: CT1, host: ct1.hospital, port: 104, sends: {storage_commitment: {keep_days: 10}}}
  ct2: {ae_title: CT2, host: ct2.hospital, port: 104, sends: {}}
  ct3: {sends: {ae_titles: CT3}}
"""


@dataclass
class Hospital:
    """A reporter, and peers that are there or not."""

    desk: Desk
    down: set[str] = field(default_factory=set)
    sent: list[tuple[str, str]] = field(default_factory=list)
    heard: list[list[int | None]] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    breaks: Callable[[str], bool] = lambda _: False

    @contextmanager
    def reporter(self) -> Iterator[Reporter]:
        one = Reporter(
            self.desk.layout,
            self.desk.ledger_file,
            peers=lambda: Peers.parse(FILE, "peers.yaml"),
            is_on_its_way=self.desk.known.is_on_its_way,
            tell=lambda one, cause, _: self.told.append((one.calling_ae, cause)),
            report=lambda event, _: self.faults.append(event),
            clock=lambda: self.desk.now,
            send=self._send,
        )
        try:
            yield one
        finally:
            one.close()

    def _send(self, peer: Peer, transaction_uid: str, instances: Sequence[CommittedInstance]) -> None:
        self.tried.append(peer.name)
        if self.breaks(peer.name):
            raise ArithmeticError
        if peer.name in self.down:
            raise PeerDownError("It is not there.", "connection-refused")
        self.sent.append((peer.name, transaction_uid))
        self.heard.append([one.failure for one in instances])

    def ask(self, number: int, peer: str, *named: str) -> str:
        request = CommitmentRequest(
            id=f"{number:032x}",
            transaction_uid=f"1.2.{number}",
            association_id="a" * 32,
            calling_ae=peer.upper(),
            called_ae="SLUICE",
            address="192.0.2.1",
            peer=peer,
            received_at=self.desk.now - 60,
            instances=tuple(ReferencedInstance(sop_class_uid=CT, sop_instance_uid=uid) for uid in named or ("1.9",)),
        )
        request.write(self.desk.layout.commitment_of(request.id))
        with transaction(self.desk.ledger) as ledger:
            commitments.add(ledger, request)
        return request.id

    def store(self, *uids: str) -> str:
        """Store instances over one association that ends; returns their delivery."""
        association = self.desk.associate()
        for uid in uids:
            self.desk.store(association, uid)
        association.end("released")
        return self.desk.sealed[-1].id

    def get(self, id_: str) -> Commitment:
        found = commitments.get(self.desk.ledger, id_)
        assert found is not None
        return found

    def has_tried(self, id_: str, attempts: int) -> bool:
        return self.get(id_).attempts == attempts

    def turn(self, reporter: Reporter, seconds: float) -> None:
        self.desk.now += seconds
        reporter.wake()


@pytest.fixture
def hospital(desk: Desk) -> Hospital:
    return Hospital(desk)


def test_what_was_asked_before_the_start_is_judged_and_told(hospital: Hospital) -> None:
    asked = hospital.ask(1, "ct1")
    with hospital.reporter():
        wait_for(lambda: hospital.get(asked).state == "reported")
    assert hospital.sent == [("ct1", "1.2.1")]
    kept = CommitmentRequest.read(hospital.desk.layout.commitment_of(asked))
    assert kept is not None
    assert kept.reported_at == hospital.desk.now


def test_a_peer_that_is_down_is_tried_again_later_and_later_until_it_hears(hospital: Hospital) -> None:
    hospital.down.add("ct1")
    asked = hospital.ask(1, "ct1")
    with hospital.reporter() as reporter:
        for attempt, pause in enumerate(BACKOFF_SECONDS, 1):
            wait_for(partial(hospital.has_tried, asked, attempt))
            assert hospital.get(asked).due_at == hospital.desk.now + pause
            hospital.turn(reporter, pause)
        hospital.down.clear()
        hospital.turn(reporter, BACKOFF_SECONDS[-1])
        wait_for(lambda: hospital.get(asked).state == "reported")
    assert ("CT1", "commitment-not-reported") in hospital.told


def test_one_peer_that_is_down_delays_no_other_and_no_judgement(hospital: Hospital) -> None:
    hospital.down.add("ct1")
    down = [hospital.ask(number, "ct1") for number in range(1, 6)]
    other = hospital.ask(9, "ct2")
    with hospital.reporter():
        wait_for(lambda: hospital.get(other).state == "reported")
        wait_for(lambda: all(hospital.get(one).state == "judged" for one in down))
        wait_for(lambda: hospital.get(down[0]).attempts == 1)
    assert hospital.tried.count("ct1") == 1


def test_a_fault_of_ours_over_one_request_does_not_end_the_others(hospital: Hospital) -> None:
    hospital.breaks = lambda peer: peer == "ct1"
    broken, sound = hospital.ask(1, "ct1"), hospital.ask(2, "ct2")
    with hospital.reporter():
        wait_for(lambda: hospital.get(sound).state == "reported")
        wait_for(lambda: hospital.faults == ["commitment-fault"])
    assert hospital.get(broken).state == "judged"


def test_a_peer_without_an_address_waits_and_the_doctor_is_told(hospital: Hospital) -> None:
    asked = hospital.ask(1, "ct3")
    with hospital.reporter():
        wait_for(lambda: ("CT3", "commitment-no-address") in hospital.told)
    assert (hospital.get(asked).state, hospital.get(asked).reason) == ("judged", "no-address")


def test_an_answer_that_was_given_is_told_after_a_restart_as_it_was_given(hospital: Hospital) -> None:
    hospital.down.add("ct1")
    hospital.store("1.1")
    asked = hospital.ask(1, "ct1", "1.1")
    with hospital.reporter():
        wait_for(lambda: hospital.get(asked).attempts == 1)
    before = hospital.get(asked)
    hospital.down.clear()
    with hospital.reporter():
        wait_for(lambda: hospital.get(asked).state == "reported")
    assert (before.failed, before.kept_until) == (0, hospital.get(asked).kept_until)


def test_a_success_that_is_told_when_most_of_its_days_are_over_is_failure(hospital: Hospital) -> None:
    hospital.down.add("ct1")
    hospital.store("1.1")
    asked = hospital.ask(1, "ct1", "1.1", "1.2")
    with hospital.reporter() as reporter:
        wait_for(lambda: hospital.has_tried(asked, 1))
        hospital.turn(reporter, 4.9 * DAY_SECONDS)
        wait_for(lambda: hospital.has_tried(asked, 2))
        assert hospital.get(asked).failed == 1
        hospital.down.clear()
        hospital.turn(reporter, 0.2 * DAY_SECONDS)
        wait_for(lambda: hospital.get(asked).state == "reported")
    assert hospital.heard == [[0x0110, 0x0112]]
    assert ("CT1", "commitment-late") in hospital.told
    assert (hospital.get(asked).failed, hospital.get(asked).kept_until) == (2, None)


def test_what_is_asked_again_after_the_report_is_judged_anew(hospital: Hospital) -> None:
    delivery = hospital.store("1.1")
    asked = hospital.ask(1, "ct1", "1.1", "1.2")
    with hospital.reporter() as reporter:
        wait_for(lambda: hospital.get(asked).state == "reported")
        hospital.store("1.2")
        for file in hospital.desk.layout.delivery(delivery).glob("*.dcm"):
            file.unlink()
        with transaction(hospital.desk.ledger) as ledger:
            commitments.ask_again(ledger, asked)
        reporter.wake()
        wait_for(lambda: hospital.get(asked).state == "reported")
        wait_for(lambda: len(hospital.heard) == 2)
    assert hospital.heard == [[None, 0x0112], [0x0112, None]]


def test_a_promise_outlives_the_ledger_though_the_requester_has_heard(hospital: Hospital) -> None:
    delivery = hospital.store("1.1")
    told = hospital.ask(1, "ct1", "1.1")
    with hospital.reporter():
        wait_for(lambda: hospital.get(told).state == "reported")
    promised = promised_until(hospital.desk.ledger, delivery)
    assert promised is not None
    of_list = "SELECT revision FROM commitment_lists WHERE commitment_id = ?"
    assert [row[0] for row in hospital.desk.ledger.execute(of_list, (told,))] == [1]
    hospital.desk.close()
    for file in hospital.desk.ledger_file.parent.glob("ledger.db*"):
        file.unlink()
    hospital.desk.ledger = connect(hospital.desk.ledger_file, check_same_thread=False)
    recover(hospital.desk.layout, hospital.desk.ledger)
    assert promised_until(hospital.desk.ledger, delivery) == promised
    [revision] = [row[0] for row in hospital.desk.ledger.execute(of_list, (told,))]
    assert revision > 10**6  # newer than any that was told, of which nobody knows any more


def test_a_ledger_that_cannot_be_asked_for_a_moment_does_not_end_the_reporter(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise sqlite3.OperationalError

    with monkeypatch.context() as patched, hospital.reporter() as reporter:
        patched.setattr(commitments, "next_due", refuse)
        reporter.wake()
        wait_for(lambda: hospital.faults)
        patched.undo()
        asked = hospital.ask(1, "ct1")
        reporter.wake()
        wait_for(lambda: hospital.get(asked).state == "reported")


def test_nobody_is_told_before_the_answer_to_the_request_can_have_arrived(hospital: Hospital) -> None:
    asked = hospital.ask(1, "ct1")
    hospital.desk.ledger.execute("UPDATE commitments SET received_at = ?", (hospital.desk.now,))
    with hospital.reporter() as reporter:
        wait_for(lambda: hospital.get(asked).state == "judged")
        assert hospital.get(asked).due_at == hospital.desk.now + 1
        hospital.turn(reporter, 1)
        wait_for(lambda: hospital.sent)


def test_an_event_names_what_is_kept_and_what_failed_with_its_reason() -> None:
    kept, failed = CommittedInstance(1, CT, "1.1"), CommittedInstance(2, CT, "1.2", 0x0112)
    kind, said = event_of("1.2.9", [kept])
    assert (kind, "FailedSOPSequence" in said) == (1, False)
    kind, said = event_of("1.2.9", [kept, failed])
    assert (kind, said.TransactionUID) == (2, "1.2.9")
    assert [one.ReferencedSOPInstanceUID for one in said.ReferencedSOPSequence] == ["1.1"]
    assert [(one.ReferencedSOPInstanceUID, one.FailureReason) for one in said.FailedSOPSequence] == [("1.2", 0x0112)]
    assert "ReferencedSOPSequence" not in event_of("1.2.9", [failed])[1]
