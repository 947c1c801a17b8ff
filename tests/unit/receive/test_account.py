"""What is counted and said of an association: by names of the peers file, without anything of a patient."""

import io
import json
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from processors.dicom.admission import Admission, Caller
from processors.dicom.day_count import DayCount
from processors.dicom.engine import Peer, StoreCommand
from processors.dicom.event_log import EventLog
from processors.dicom.peer_metrics import MOST_PEERS, OTHERS, UNKNOWN, PeerMetrics
from processors.dicom.peers_policy import PeersPolicy
from processors.dicom.receiver import Receiver, ReceiverSettings
from processors.peers import Peers
from tests.unit.receive.landing_desk import Desk
from tests.unit.receive.test_durability import element, send

CT, EXPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"


class Counting:
    """A receiver, its lines and its counts."""

    def __init__(self, desk: Desk) -> None:
        self.lines = io.StringIO()
        self.receiver = Receiver(
            ReceiverSettings(desk.layout.root, desk.ledger_file, 0), desk.layout, EventLog(self.lines)
        )

    def events(self, event: str) -> list[dict[str, object]]:
        lines = [json.loads(line) for line in self.lines.getvalue().splitlines()]
        return [line for line in lines if line["event"] == event]

    def count(self, name: str, **labels: str) -> float | None:
        return self.receiver.metrics.registry.get_sample_value(name, labels)


@pytest.fixture
def counting(desk: Desk) -> Iterator[Counting]:
    made = Counting(desk)
    yield made
    made.receiver.close()


def test_an_association_is_one_line_and_a_refused_object_another(counting: Counting) -> None:
    admission = Admission(peer="ct1")
    admission.context(CT, [EXPLICIT])
    admission.context("1.2.840.10008.5.1.4.1.2.2.1", [EXPLICIT])
    association = counting.receiver.opened(Peer("CT_OF_JONES", "LUNG", "192.0.2.1", admission))
    assert send(association, "1.2.3.77") == 0
    refused = association.begin(StoreCommand(CT, "1.2.3.78", EXPLICIT))
    refused.write(element(8, 0x16, CT) + element(8, 0x18, "1.2.3.79"))
    assert refused.finish() == 0xA900
    association.begin(StoreCommand(CT, "1.2.3.80", EXPLICIT)).abandon()
    association.troubled("pdu-too-long", "400000")
    association.ended("aborted")
    [line] = counting.events("association")
    said = ("sender", "peer", "ending", "cause", "kept", "refused", "unfinished", "objects", "contexts", "tls")
    assert {key: line[key] for key in said} == {
        "sender": "ct1",
        "peer": "192.0.2.1",
        "ending": "aborted",
        "cause": "pdu-too-long",
        "kept": 1,
        "refused": 1,
        "unfinished": 1,
        "objects": {"0000": 1, "A900": 1},
        "contexts": {"accepted": 1, "refused": 1},
        "tls": 0,
    }
    [one] = counting.events("refused")
    assert (one["status"], one["cause"]) == ("A900", "mismatch:SOPInstanceUID")
    assert (one["sop_class"], one["transfer_syntax"]) == ("CTImageStorage", "ExplicitVRLittleEndian")
    assert one["association"] == line["id"]
    assert "1.2.3.7" not in counting.lines.getvalue()
    assert "1.2.3.8" not in counting.lines.getvalue()


def test_a_command_that_names_a_patient_as_its_class_is_not_quoted(counting: Counting) -> None:
    association = counting.receiver.opened(Peer("CT1", "LUNG", "192.0.2.1"))
    assert association.begin(StoreCommand("JONES^MARY", "1.2.3", EXPLICIT)).finish() != 0
    association.ended("released")
    [one] = counting.events("refused")
    assert one["sop_class"] == "no UID"
    assert "JONES" not in counting.lines.getvalue()


def test_counts_are_by_peer_and_callers_without_a_name_are_one(counting: Counting) -> None:
    for title, peer in (("CT1", "ct1"), ("X1", None), ("X2", None)):
        association = counting.receiver.opened(Peer(title, "LUNG", "192.0.2.1", Admission(peer=peer)))
        send(association, "1.2.3")
        assert counting.count("sluice_peer_associations_open", peer=peer or UNKNOWN) == 1
        association.ended("released")
    counting.receiver.troubled(Caller("CT1", "SLUICE", "192.0.2.9"), "wrong-address", peer="ct1")
    assert counting.count("sluice_peer_associations_total", peer="ct1", event="accepted") == 1
    assert counting.count("sluice_peer_associations_total", peer="ct1", event="rejected") == 1
    assert counting.count("sluice_peer_associations_total", peer=UNKNOWN, event="released") == 2
    assert counting.count("sluice_peer_objects_total", peer="ct1", status="0000") == 1
    assert counting.count("sluice_peer_objects_total", peer=UNKNOWN, status="0000") == 2
    assert counting.count("sluice_part_files_open") == 0


def test_a_part_file_is_counted_while_it_is_open(counting: Counting) -> None:
    association = counting.receiver.opened(Peer("CT1", "LUNG", "192.0.2.1"))
    reception = association.begin(StoreCommand(CT, "1.2.3", EXPLICIT))
    reception.write(element(8, 0x16, CT))
    assert counting.count("sluice_part_files_open") == 1
    reception.abandon()
    assert counting.count("sluice_part_files_open") == 0
    association.ended("lost")


def test_names_that_change_for_ever_are_a_bounded_number_of_series() -> None:
    registry = CollectorRegistry()
    metrics = PeerMetrics(registry)
    for number in range(MOST_PEERS + 50):
        metrics.opened(f"ct{number}")
    assert registry.get_sample_value("sluice_peer_associations_open", {"peer": OTHERS}) == 50


def test_a_log_that_cannot_be_written_loses_lines_and_nothing_else(desk: Desk) -> None:
    class Full(io.StringIO):
        def write(self, _: str) -> int:
            raise OSError(28, "No space left on device")

    receiver = Receiver(ReceiverSettings(desk.layout.root, desk.ledger_file, 0), desk.layout, EventLog(Full()))
    association = receiver.opened(Peer("CT1", "LUNG", "192.0.2.1"))
    assert send(association, "1.2.3") == 0
    association.ended("released")
    receiver.close()
    assert desk.rows("SELECT ending, acknowledged FROM associations") == [("released", 1)]


CALLER = Caller("CT1", "SLUICE", "192.0.2.1")
PEERS = """
peers:
  ct1: {sends: {ae_titles: [CT1, CT1B], addresses: [192.0.2.0/24]DAY}}
  mr1: {sends: {ae_titles: MR1, limits: {bytes_per_day: 1 GB}}}
"""


def test_the_days_bytes_of_a_peer_survive_a_restart(desk: Desk) -> None:
    """Counted from the ledger: all its AE titles, duplicates too, nothing of yesterday and of others."""
    peers = Peers.parse(PEERS.replace("DAY", ""), "peers.yaml")
    noon = desk.now // 86400 * 86400 + 43200
    desk.now = noon - 86400
    yesterday = desk.associate()
    desk.store(yesterday, content=bytes(1000))
    yesterday.end("released")
    desk.now = noon
    today = desk.associate()
    desk.store(today, content=b"0123456789" * 3)
    desk.store(today, uid="1.2.99", content=b"0123456789")
    desk.store(today, uid="1.2.99", content=b"0123456789")
    today.end("released")
    count = DayCount(desk.ledger_file, lambda: peers, lambda: desk.now)
    assert (count.of("ct1"), count.of("mr1")) == (50, 0)
    desk.now += 86400
    assert count.of("ct1") == 0


@pytest.mark.parametrize(("sent", "used_up"), [(49, False), (50, True)])
def test_what_came_before_the_start_counts_for_the_day(sent: int, used_up: bool) -> None:
    peers = Peers.parse(PEERS.replace("DAY", ", limits: {bytes_per_day: 50 B}"), "peers.yaml")
    policy = PeersPolicy(lambda: peers)
    policy.counted = lambda peer, anew: sent if peer == "ct1" and not anew else 0
    admitted = policy.admit(CALLER)
    assert isinstance(admitted, Admission)
    assert admitted.allowance.used_up() == used_up


def test_a_limit_that_is_new_counts_what_came_before_it() -> None:
    held = [Peers.parse(PEERS.replace("DAY", ""), "peers.yaml")]
    policy = PeersPolicy(lambda: held[0])
    policy.counted = lambda _, anew: 60 if anew else 0
    assert isinstance(policy.admit(CALLER), Admission)
    held[0] = Peers.parse(PEERS.replace("DAY", ", limits: {bytes_per_day: 50 B}"), "peers.yaml")
    admitted = policy.admit(CALLER)
    assert isinstance(admitted, Admission)
    assert admitted.allowance.used_up()


def test_a_limit_that_changes_keeps_what_was_counted() -> None:
    held = [Peers.parse(PEERS.replace("DAY", ", limits: {bytes_per_day: 100 B}"), "peers.yaml")]
    policy = PeersPolicy(lambda: held[0])
    first = policy.admit(CALLER)
    assert isinstance(first, Admission)
    first.allowance.came(60)
    held[0] = Peers.parse(PEERS.replace("DAY", ", limits: {bytes_per_day: 50 B}"), "peers.yaml")
    admitted = policy.admit(CALLER)
    assert isinstance(admitted, Admission)
    assert admitted.allowance.used_up()
