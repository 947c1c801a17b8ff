"""Somebody deletes the folder of a delivery that is being filled: its objects stay accounted for, and stop no other."""

import io
import json
import shutil
from dataclasses import dataclass

import pytest

from processors.dicom.engine import Peer
from processors.dicom.event_log import EventLog
from processors.dicom.receiver import Receiver, ReceiverSettings
from processors.landing.delivery import read_delivery
from processors.ledger import troubles
from processors.ledger.reconcile import reconcile
from tests.unit.receive.landing_desk import Desk
from tests.unit.receive.test_durability import send
from tests.waiting import wait_for

_CALLER = Peer("CT1", "LUNG", "192.0.2.1")


@dataclass
class Site:
    """A receiver and where it receives to."""

    desk: Desk
    receiver: Receiver
    log: io.StringIO

    def receive(self, *uids: str, deleted: bool = False, slots_too: bool = True) -> None:
        """One association; with `deleted` its delivery's folder goes while it is open, and what was received into."""
        association = self.receiver.opened(_CALLER)
        for uid in uids:
            assert send(association, uid) == 0
        if deleted:
            [folder] = [each for each in self.desk.layout.delivery_folders() if not (each / "delivery.json").exists()]
            shutil.rmtree(folder)
            for slot in self.desk.layout.slot_files():
                if slots_too and slot.stat().st_size:
                    slot.unlink()
        association.ended("released")


@pytest.fixture
def site(desk: Desk) -> Site:
    log = io.StringIO()
    return Site(
        desk, Receiver(ReceiverSettings(desk.layout.root, desk.ledger_file, 0), desk.layout, EventLog(log)), log
    )


def test_a_folder_that_is_deleted_alone_comes_back_whole(site: Site) -> None:
    site.receive("1.2.1", "1.2.2", deleted=True, slots_too=False)
    site.receiver.close()
    assert site.desk.rows("SELECT state, instance_count FROM deliveries") == [("sealed", 2)]
    [folder] = site.desk.layout.delivery_folders()
    assert len(list(folder.glob("*.dcm"))) == 2
    assert reconcile(site.desk.layout.root, site.desk.ledger_file, pause=lambda _: None).gaps == []


@pytest.mark.parametrize("uids", [["1.2.1"], ["1.2.1", "1.2.2"]], ids=["one object", "several"])
def test_what_was_acknowledged_stays_known_and_waits_for_a_person(site: Site, uids: list[str]) -> None:
    site.receive(*uids, deleted=True)
    site.receiver.close()
    assert "ledger-retry" not in site.log.getvalue()
    assert site.desk.rows("SELECT state, reason, instance_count, due_at FROM deliveries") == [
        ("parked", "held:files-missing", len(uids), None)
    ]
    assert site.desk.rows("SELECT ending, acknowledged FROM associations") == [("released", len(uids))]
    [folder] = site.desk.layout.delivery_folders()
    assert [each.sop_instance_uid for each in read_delivery(folder).instances] == uids
    found = reconcile(site.desk.layout.root, site.desk.ledger_file, pause=lambda _: None)
    assert [(gap.kind, gap.subject) for gap in found.gaps] == [("files-missing", folder.name)]
    assert found.states["held"] == found.acknowledged == len(uids)


def test_the_doctor_says_what_is_gone_and_what_to_do(site: Site) -> None:
    site.receive("1.2.1", "1.2.2", deleted=True)
    site.receiver.close()
    [one] = [each.trouble for each in troubles.newest(site.desk.ledger) if each.trouble.cause == "files-missing"]
    [folder] = site.desk.layout.delivery_folders()
    assert (one.calling_ae, one.detail) == ("CT1", f"2 objects, delivery {folder.name}")
    said = [json.loads(line) for line in site.log.getvalue().splitlines()]
    assert ["landing" in each["remedy"] for each in said if each.get("cause") == "files-missing"] == [True]


def test_what_came_meanwhile_is_entered(site: Site) -> None:
    site.receive("1.2.1", deleted=True)
    site.receive("1.2.2")
    site.receiver.close()
    assert site.desk.rows("SELECT state FROM deliveries ORDER BY rowid") == [("parked",), ("sealed",)]


def test_the_same_object_sent_again_is_kept_and_no_duplicate(site: Site) -> None:
    site.receive("1.2.1", deleted=True)
    # Its row is there a moment before memory lets go of it: whoever sends it within that moment is told it is here.
    wait_for(lambda: site.receiver._known.is_on_its_way("1.2.1") is False)
    assert site.desk.rows("SELECT state FROM deliveries") == [("parked",)]
    site.receive("1.2.1")
    site.receiver.close()
    assert site.desk.rows("SELECT disposition, revision FROM instances") == [("delivered", 1)] * 2


def test_a_landing_that_is_gone_as_a_whole_is_waited_for(site: Site) -> None:
    """A disk that is not mounted for a moment has lost nothing."""
    deliveries = site.desk.layout.deliveries
    aside = deliveries.with_name("elsewhere")
    association = site.receiver.opened(_CALLER)
    assert send(association, "1.2.1") == 0
    deliveries.rename(aside)
    association.ended("released")
    wait_for(lambda: "ledger-retry" in site.log.getvalue())
    aside.rename(deliveries)
    wait_for(lambda: site.desk.rows("SELECT state FROM deliveries") == [("sealed",)])
    site.receiver.close()
