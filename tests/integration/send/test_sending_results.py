"""SendDICOM's door against a real Orthanc: a result is stored exactly once, whatever the PACS does meanwhile."""

from pathlib import Path

import pytest
from pydicom.uid import UID

from processors.delivery import doors
from processors.delivery.flowfile import Outcome
from processors.delivery.workplace import Workplace, workplace
from processors.landing.results import Ended
from processors.ledger import announcements, results
from processors.ledger.results import ResultObject
from tests.builders import ct_slice
from tests.orthanc import Orthanc, write_peers

pytestmark = pytest.mark.integration

RESULT = "ab" * 16


class Announced:
    """The FlowFile of one announcement."""

    def __init__(self, n: int) -> None:
        self._attributes = {"delivery.id": RESULT, "delivery.n": str(n), "kind": "result", "destination": "pacs"}

    def getAttribute(self, name: str) -> str | None:
        return self._attributes.get(name)


class Desk:
    """A trusted home with one result that is ready to be sent."""

    def __init__(self, home: Path, pacs: Orthanc, sop_class: str | None = None) -> None:
        write_peers(home, pacs)
        (home / "sluice.yaml").write_text("workers_log: workers.log\n")
        self.home = home
        self.place: Workplace = workplace(home)
        self.place.layout.prepare()
        slice_ = ct_slice()
        if sop_class:
            slice_.SOPClassUID = slice_.file_meta.MediaStorageSOPClassUID = UID(sop_class)
        self.uid = str(slice_.SOPInstanceUID)
        self.place.layout.result(RESULT).mkdir()
        file = f"results/{RESULT}/returned.dcm"
        slice_.save_as(self.place.layout.root / file, enforce_file_format=True)
        facts = ResultObject(RESULT, "h" * 32, "seg.dcm", "0" * 64, 1, "chest", "pacs", "fetched")
        results.fetched(self.place.ledger, facts, 0)
        results.ready(self.place.ledger, RESULT, study_uid="1.2.3", sop_instance_uid=self.uid, file=file, now=0)
        self.announce()

    def announce(self) -> int:
        """ListenDICOM announces it, now."""
        with_due = self.place.ledger.execute("UPDATE results SET due_at = 0 WHERE due_at IS NOT NULL")
        assert with_due.rowcount == 1
        [announced] = announcements.take(self.place.ledger, self.place.clock())
        assert announced.kind == "result"
        return announced.n

    def send(self) -> Outcome:
        return doors.send(str(self.home), Announced(self.row.n))

    @property
    def row(self) -> ResultObject:
        row = results.get(self.place.ledger, RESULT)
        assert row is not None
        return row


def test_a_result_is_stored_and_never_sent_again(pacs: Orthanc, tmp_path: Path) -> None:
    desk = Desk(tmp_path, pacs)
    assert desk.send() == Outcome("success")
    assert pacs.sop_instance_uids().count(desk.uid) == 1
    assert (desk.row.state, desk.row.due_at) == ("sent", None)
    ended = Ended.read(desk.place.layout.result(RESULT))
    assert ended is not None, "so that a ledger that is made anew does not send it either"
    assert (ended.state, ended.sop_instance_uid, ended.destination) == ("sent", desk.uid, "pacs")
    pacs.delete_instance(desk.uid)
    assert desk.send().relationship == "superseded"
    assert desk.uid not in pacs.sop_instance_uids()


def test_an_older_announcement_sends_nothing(pacs: Orthanc, tmp_path: Path) -> None:
    desk = Desk(tmp_path, pacs)
    older = Announced(desk.row.n)
    desk.announce()
    assert doors.send(str(desk.home), older).relationship == "superseded"
    assert desk.uid not in pacs.sop_instance_uids()


def test_a_pacs_that_is_down_then_full_gets_it_later_and_once(tmp_path: Path) -> None:
    pacs = Orthanc(tmp_path / "pacs")
    desk = Desk(tmp_path / "home", pacs)
    before = desk.place.clock()
    assert desk.send() == Outcome("failure", {"reason": "connection-refused"})
    due = desk.row.due_at
    assert due is not None
    assert before + 3 < due <= desk.place.clock() + 5
    with pacs:
        pacs.refuse_stores()
        desk.announce()
        assert desk.send() == Outcome("failure", {"reason": "status-a700"})
        pacs.refuse_stores(yes=False)
        desk.announce()
        assert desk.send() == Outcome("success")
        assert pacs.sop_instance_uids() == [desk.uid]
    assert (desk.row.state, desk.row.attempts) == ("sent", 3)


def test_an_answer_that_was_lost_leads_to_the_same_object_once(pacs: Orthanc, tmp_path: Path) -> None:
    desk = Desk(tmp_path, pacs)
    assert desk.send() == Outcome("success")
    desk.place.ledger.execute("UPDATE results SET state = 'ready', due_at = 0, sent_at = NULL")  # as if never heard
    desk.announce()
    assert desk.send() == Outcome("success")
    assert pacs.sop_instance_uids().count(desk.uid) == 1


def test_what_the_pacs_cannot_take_is_parked_with_its_code(pacs: Orthanc, tmp_path: Path) -> None:
    desk = Desk(tmp_path, pacs, sop_class="1.2.826.0.1.3680043.8.498.1")
    assert desk.send() == Outcome("rejected", {"reason": "no-presentation-context"})
    assert (desk.row.state, desk.row.reason, desk.row.due_at) == ("parked", "no-presentation-context", None)


def test_a_destination_that_peers_yaml_does_not_name_is_said_and_tried_again(pacs: Orthanc, tmp_path: Path) -> None:
    desk = Desk(tmp_path, pacs)
    write_peers(tmp_path, pacs, name="archive")
    assert desk.send() == Outcome("failure", {"reason": "unknown-peer"})
    assert "there is no peer 'pacs'" in (tmp_path / "workers.log").read_text().lower()
    assert desk.row.due_at is not None
