"""Performed procedure steps: states, statuses, what is kept of them, and what no modality would send (PS3.4 F.7)."""

import sqlite3
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from processors.dicom.performed_step.request import REQUIRED
from processors.dicom.performed_step.service import STATUSES, PerformedStepService
from processors.dicom.services import Operation, ServiceAnswer, ServiceRequest
from processors.landing import performed_steps as landing_steps
from processors.landing.journal import AssociationFacts
from processors.landing.layout import Layout
from processors.landing.performed_steps import KeptStep
from processors.landing.recover import recover
from processors.ledger.schema import connect
from processors.peers import Peers
from tests.unit.receive.performed_step import MPPS, created, encoded, ended

PEERS = """
peers:
  ct1:
    sends: {ae_titles: CT1, performed_steps: true}
  ct2:
    sends: {ae_titles: CT2, performed_steps: true}
  mr1:
    sends: {ae_titles: MR1}
"""
STEP, STUDY = "1.2.7", "1.2.3"
pytestmark = pytest.mark.filterwarnings("ignore")  # as the receiver does: pydicom's quote values
MADE = ("1.2.3.1.1", "1.2.3.1.2")


class Desk:
    """The service on a ledger of its own, and what it told."""

    def __init__(self, ledger: Path) -> None:
        self.told: list[tuple[str, str]] = []
        self.news = 0
        self.peers = Peers.parse(PEERS, "peers.yaml")
        self.layout = Layout(ledger.parent / "landing")
        self.layout.prepare()
        self.ledger = connect(ledger)
        self.has_room = True
        self.service = PerformedStepService(
            self.layout,
            connect(ledger),
            lambda: self.peers,
            has_room=lambda _: self.has_room,
            tell=lambda cause, _, detail: self.told.append((cause, detail)),
            changed=self._changed,
            report=lambda event, _: self.told.append((event, "")),
        )

    def _changed(self) -> None:
        self.news += 1

    def asks(
        self,
        operation: Operation,
        data_set: Dataset | bytes,
        *,
        step: str = STEP,
        sender: str | None = "ct1",
        syntax: str = ImplicitVRLittleEndian,
    ) -> ServiceAnswer:
        content = data_set if isinstance(data_set, bytes) else encoded(data_set, syntax)
        facts = AssociationFacts(id="a" * 32, opened_at=0, calling_ae="CT1", called_ae="S", peer="::1", sender=sender)
        return self.service.serve(ServiceRequest(operation, MPPS, step, 0, syntax, content), facts)

    def create(self, data_set: Dataset | bytes | None = None, **more: str | None) -> int:
        return self.asks(Operation.N_CREATE, created(STUDY) if data_set is None else data_set, **more).status  # type: ignore[arg-type]

    def set(self, data_set: Dataset | bytes, **more: str | None) -> int:
        return self.asks(Operation.N_SET, data_set, **more).status  # type: ignore[arg-type]

    def steps(self) -> list[tuple[object, ...]]:
        return [
            tuple(row) for row in self.ledger.execute("SELECT sop_instance_uid, study_uid, state FROM performed_steps")
        ]

    def named(self) -> list[str]:
        return [row[0] for row in self.ledger.execute("SELECT sop_instance_uid FROM performed_instances ORDER BY 1")]

    def beside(self) -> list[tuple[str, str, list[str]]]:
        """What lies in the landing: UID, state, instances."""
        found = [KeptStep.read(file) for file in self.layout.performed_steps.iterdir()]
        return sorted((one.sop_instance_uid, one.state, sorted(one.instances)) for one in found if one is not None)

    def evidence(self) -> int:
        return int(self.ledger.execute("SELECT count(*) FROM evidence").fetchone()[0])

    def close(self) -> None:
        self.service.close()
        self.ledger.close()


@pytest.fixture
def desk(tmp_path: Path):  # type: ignore[no-untyped-def]
    one = Desk(tmp_path / "ledger.db")
    yield one
    one.close()


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_a_step_is_made_and_completed_and_is_evidence_then(desk: Desk, syntax: str) -> None:
    assert desk.create(syntax=syntax) == 0
    assert desk.steps() == [(STEP, STUDY, "IN PROGRESS")]
    assert desk.evidence() == 0
    assert desk.set(ended(MADE[:1], others=MADE[1:]), syntax=syntax) == 0
    assert desk.steps() == [(STEP, STUDY, "COMPLETED")]
    assert (desk.named(), desk.evidence(), desk.news) == (list(MADE), 1, 2)


def test_nothing_of_the_patient_is_kept(desk: Desk, tmp_path: Path) -> None:
    desk.create()
    desk.set(ended(MADE))
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert STUDY.encode() in kept
    assert not [value for value in (b"Nobody", b"HOSP-4711", b"A-17", b"THORAX", b"20260302") if value in kept]


def test_a_discontinued_step_is_no_evidence(desk: Desk) -> None:
    desk.create()
    assert desk.set(ended(MADE, "DISCONTINUED")) == 0
    assert (desk.steps(), desk.evidence()) == ([(STEP, STUDY, "DISCONTINUED")], 0)


def test_a_step_that_never_named_a_series_can_be_discontinued_and_not_completed(desk: Desk) -> None:
    desk.create()
    change = Dataset()
    change.PerformedProcedureStepStatus = "COMPLETED"
    assert desk.set(change) == 0x0120
    change.PerformedProcedureStepStatus = "DISCONTINUED"
    assert desk.set(change) == 0


def test_each_list_of_series_replaces_the_one_before(desk: Desk) -> None:
    desk.create()
    desk.set(ended(MADE, "IN PROGRESS"))
    assert desk.named() == list(MADE)
    desk.set(ended(MADE[1:], "IN PROGRESS"))
    change = Dataset()
    change.PerformedProcedureStepStatus = "COMPLETED"
    assert desk.set(change) == 0
    assert (desk.named(), desk.evidence()) == ([MADE[1]], 1)


@pytest.mark.parametrize("state", ["COMPLETED", "DISCONTINUED"])
def test_what_has_ended_is_neither_changed_nor_made_again(desk: Desk, state: str) -> None:
    desk.create()
    desk.set(ended(MADE, state))
    assert desk.set(ended((), "IN PROGRESS")) == 0x0110
    assert desk.set(ended(MADE, state)) == 0x0110
    assert desk.create() == 0x0111
    assert desk.named() == list(MADE)


def test_a_step_is_made_once_and_changed_only_where_there_is_one(desk: Desk) -> None:
    assert desk.set(ended(MADE)) == 0x0112
    assert desk.create() == 0
    assert desk.create() == 0x0111


def test_a_step_belongs_to_the_peer_that_made_it(desk: Desk) -> None:
    desk.create()
    assert desk.set(ended(MADE), sender="ct2") == 0x0124
    assert desk.steps() == [(STEP, STUDY, "IN PROGRESS")]


@pytest.mark.parametrize("sender", ["mr1", "gone", None])
def test_who_was_not_given_steps_may_not_send_them(desk: Desk, sender: str | None) -> None:
    assert desk.create(sender=sender) == 0x0124
    assert desk.told == [("performed-steps-off", "")]
    assert desk.steps() == []


def test_steps_may_be_taken_away_from_a_peer_at_any_time(desk: Desk) -> None:
    desk.create()
    desk.peers = Peers.parse("peers: {ct1: {sends: {ae_titles: CT1}}}", "peers.yaml")
    assert desk.set(ended(MADE)) == 0x0124


def test_a_step_without_a_uid_gets_one(desk: Desk) -> None:
    answer = desk.asks(Operation.N_CREATE, created(STUDY), step="")
    assert answer.status == 0
    assert answer.sop_instance_uid is not None
    assert answer.sop_instance_uid.startswith("2.25.")
    assert desk.set(ended(MADE), step=answer.sop_instance_uid) == 0


def test_a_step_of_several_studies_is_taken_and_is_evidence_of_none(desk: Desk) -> None:
    assert desk.create(created(STUDY, "1.2.4")) == 0
    assert desk.set(ended(MADE)) == 0
    assert (desk.steps(), desk.evidence()) == ([(STEP, "", "COMPLETED")], 0)


@pytest.mark.parametrize("keyword", REQUIRED)
def test_a_step_lacks_nothing_that_it_must_have(desk: Desk, keyword: str) -> None:
    without, empty = created(STUDY), created(STUDY)
    delattr(without, keyword)
    setattr(empty, keyword, [] if keyword.endswith("Sequence") else "")
    assert desk.create(without) == 0x0120
    assert desk.create(empty) == 0x0121
    assert desk.told == [
        ("performed-step-refused", f"N-CREATE 0120 {keyword}"),
        ("performed-step-refused", f"N-CREATE 0121 {keyword}"),
    ]
    assert desk.steps() == []


def test_what_only_should_be_there_is_forgiven(desk: Desk) -> None:
    step = created(STUDY)
    del step.PatientName, step.PatientID, step.PerformedSeriesSequence
    assert desk.create(step) == 0


def changed(data_set: Dataset, change: Callable[[Dataset], object]) -> Dataset:
    change(data_set)
    return data_set


def series(data_set: Dataset) -> Dataset:
    one: Dataset = data_set.PerformedSeriesSequence[0]
    return one


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda step: setattr(step, "PerformedProcedureStepStatus", "DONE"), 0x0106),
        (lambda step: setattr(step, "PerformedProcedureStepStatus", ""), 0x0121),
        (lambda step: setattr(step, "PerformedSeriesSequence", []), 0x0121),
        (lambda step: delattr(step, "PerformedSeriesSequence"), 0x0120),
        (lambda step: delattr(series(step), "SeriesInstanceUID"), 0x0120),
        (lambda step: delattr(series(step).ReferencedImageSequence[0], "ReferencedSOPInstanceUID"), 0x0120),
        (lambda step: delattr(series(step).ReferencedImageSequence[0], "ReferencedSOPClassUID"), 0x0120),
        (lambda step: setattr(series(step).ReferencedImageSequence[1], "ReferencedSOPInstanceUID", "../x"), 0x0106),
        (lambda step: setattr(series(step), "SeriesInstanceUID", ["1.2", "1.3"]), 0x0106),
    ],
    ids=[
        "no state of a step",
        "an empty state",
        "no series at its end",
        "series never named",
        "a series without a UID",
        "an instance without a UID",
        "an instance without a class",
        "a UID that is a path",
        "two UIDs for one",
    ],
)  # fmt: skip
def test_a_bad_end_is_refused_and_changes_nothing(desk: Desk, change: Callable[[Dataset], object], status: int) -> None:
    desk.create()
    assert desk.set(changed(ended(MADE), change)) == status
    assert (desk.steps(), desk.named(), desk.evidence()) == ([(STEP, STUDY, "IN PROGRESS")], [], 0)


@pytest.mark.parametrize("state", ["COMPLETED", "DISCONTINUED", "in progress"])
def test_a_step_begins_in_progress(desk: Desk, state: str) -> None:
    step = created(STUDY)
    step.PerformedProcedureStepStatus = state
    assert desk.create(step) == 0x0106


@pytest.mark.parametrize("uid", ["x", "1" * 65, "../../etc", "-1.2"])
def test_a_uid_that_is_none_makes_no_step(desk: Desk, uid: str) -> None:
    assert desk.create(step=uid) == 0x0117


def nested(depth: int) -> bytes:
    """Sequences within sequences, all open."""
    return struct.pack("<HHIHHI", 0x0040, 0x0340, 0xFFFFFFFF, 0xFFFE, 0xE000, 0xFFFFFFFF) * depth


@pytest.mark.parametrize(
    "content",
    [
        b"\0\1\2",
        b"\xff" * 64,
        encoded(created(STUDY))[:-3],
        nested(20_000),
        nested(20_000) + struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0) * 20_000,
        struct.pack("<HHI", 0x0040, 0x0340, 0xFFFFFFF0) + b"\0" * 64,
        encoded(created(STUDY), ExplicitVRLittleEndian),
    ],
    ids=[
        "three bytes",
        "no element",
        "cut off",
        "20,000 deep",
        "20,000 deep and closed",
        "a length that lies",
        "another encoding",
    ],
)
def test_what_is_no_data_set_is_refused_and_the_next_request_is_served(desk: Desk, content: bytes) -> None:
    assert desk.create(content) in {0x0106, 0x0110, 0x0120, 0x0121}
    assert desk.steps() == []
    assert desk.create() == 0


def test_a_sequence_that_is_text_is_refused(desk: Desk) -> None:
    step = created(STUDY)
    text = encoded(step, ExplicitVRLittleEndian)
    place = text.index(b"SQ\0\0")
    lying = text[:place] + b"LT\4\0ab" + text[place + 6 :]
    assert desk.create(lying, syntax=ExplicitVRLittleEndian) in {0x0106, 0x0110, 0x0120}
    assert desk.steps() == []


def test_hundreds_of_thousands_of_empty_items_cost_no_memory(desk: Desk) -> None:
    desk.create()
    items = struct.pack("<HHI", 0xFFFE, 0xE000, 0) * 500_000
    tracemalloc.start()
    assert desk.set(struct.pack("<HHI", 0x0040, 0x0340, len(items)) + items) == 0x0213
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 8 << 20
    assert desk.set(ended(MADE)) == 0


def test_thousands_of_instances_are_kept_each_once(desk: Desk) -> None:
    made = [f"1.2.3.{number}" for number in range(2000)]
    desk.create()
    assert desk.set(ended([*made, *made[:100]])) == 0
    assert len(desk.named()) == 2000


def test_a_ledger_that_takes_nothing_makes_no_step(desk: Desk, tmp_path: Path) -> None:
    desk.service._ledger.execute("PRAGMA busy_timeout = 50")
    blocker = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    assert desk.create() == 0x0110
    blocker.execute("ROLLBACK")
    blocker.close()
    assert desk.told == [("performed-step-not-kept", "")]
    assert (desk.steps(), desk.create()) == ([], 0)


def lost(desk: Desk) -> Desk:
    """The same landing with a ledger that knows nothing."""
    other = Desk(desk.layout.root.parent / "other.db")
    recover(other.layout, other.ledger)
    return other


def test_a_step_lies_in_the_landing_as_it_stands_before_it_is_answered(desk: Desk) -> None:
    desk.create()
    assert desk.beside() == [(STEP, "IN PROGRESS", [])]
    desk.set(ended(MADE, "IN PROGRESS"))
    assert desk.beside() == [(STEP, "IN PROGRESS", list(MADE))]
    desk.set(ended(MADE[:1]))
    assert desk.beside() == [(STEP, "COMPLETED", [MADE[0]])]


@pytest.mark.parametrize("state", ["IN PROGRESS", "COMPLETED", "DISCONTINUED"])
def test_a_lost_ledger_knows_the_steps_again_and_what_may_become_of_them(desk: Desk, state: str) -> None:
    desk.create()
    desk.set(ended(MADE, state))
    of_step = "SELECT * FROM performed_steps"
    before = tuple(desk.ledger.execute(of_step).fetchone())
    other = lost(desk)
    assert tuple(other.ledger.execute(of_step).fetchone()) == before
    assert (other.named(), other.evidence()) == (list(MADE), int(state == "COMPLETED"))
    assert other.create() == 0x0111
    assert other.set(ended(MADE), sender="ct2") == 0x0124
    assert other.set(ended(MADE)) == (0 if state == "IN PROGRESS" else 0x0110)
    assert recover(other.layout, other.ledger).performed_steps == 0
    assert other.evidence() == int(state != "DISCONTINUED")
    other.close()


def test_a_ledger_that_is_older_than_the_landing_is_brought_to_where_the_step_stands(
    desk: Desk, tmp_path: Path
) -> None:
    """As one that was restored from a backup."""
    desk.create()
    older = connect(tmp_path / "older.db")
    desk.ledger.backup(older)
    desk.set(ended(MADE))
    assert recover(desk.layout, older).performed_steps == 1
    assert [row[0] for row in older.execute("SELECT state FROM performed_steps")] == ["COMPLETED"]
    assert [row[0] for row in older.execute("SELECT sop_instance_uid FROM performed_instances ORDER BY 1")] == [*MADE]
    older.close()


def test_what_is_told_after_a_lost_ledger_counts_as_newer_than_what_was_told_before(desk: Desk) -> None:
    desk.create()
    desk.set(ended(MADE))
    other = lost(desk)
    of_list = "SELECT l.revision, p.id FROM performed_lists l JOIN performed_steps p ON p.id = l.step_id"
    (before, step), (after, same) = (one.ledger.execute(of_list).fetchone() for one in (desk, other))
    assert after > before + 10**6
    assert step == same
    other.close()


@pytest.mark.parametrize("content", [b"", b"{}", b'{"of": "a later version"}', b"\0" * 200])
def test_a_file_that_cannot_be_read_is_counted_and_keeps_no_other_step_back(desk: Desk, content: bytes) -> None:
    desk.create()
    desk.create(step="1.2.8")
    found = desk.ledger.execute("SELECT id FROM performed_steps WHERE sop_instance_uid = '1.2.8'").fetchone()[0]
    desk.layout.performed_step(found).write_bytes(content)
    other = connect(desk.layout.root.parent / "other.db")
    done = recover(desk.layout, other)
    assert (done.performed_steps, done.unreadable) == (1, 1)
    assert [row[0] for row in other.execute("SELECT sop_instance_uid FROM performed_steps")] == [STEP]
    other.close()


def test_a_landing_that_takes_nothing_makes_no_step_and_changes_none(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(landing_steps, "write_whole", full)
    assert desk.create() == 0x0110
    assert (desk.steps(), desk.beside()) == ([], [])
    monkeypatch.undo()
    assert desk.create() == 0
    monkeypatch.setattr(landing_steps, "write_whole", full)
    assert desk.set(ended(MADE)) == 0x0110
    assert desk.told == [("performed-step-not-kept", "")] * 2
    assert (desk.steps(), desk.named(), desk.evidence()) == ([(STEP, STUDY, "IN PROGRESS")], [], 0)
    monkeypatch.undo()
    assert desk.set(ended(MADE)) == 0


def test_what_the_ledger_does_not_take_is_put_back_in_the_landing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is written first; the commit comes after it."""

    class Refusing:
        """A ledger that commits nothing."""

        def __init__(self, real: sqlite3.Connection) -> None:
            self._real = real

        def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
            if sql == "COMMIT":
                self._real.execute("ROLLBACK")
                raise sqlite3.OperationalError
            return self._real.execute(sql, *values)

        def __getattr__(self, name: str) -> object:
            return getattr(self._real, name)

    desk.create()
    monkeypatch.setattr(desk.service, "_ledger", Refusing(desk.service._ledger))
    assert desk.create(step="1.2.8") == 0x0110
    assert desk.set(ended(MADE)) == 0x0110
    assert desk.beside() == [(STEP, "IN PROGRESS", [])]
    monkeypatch.undo()
    assert desk.set(ended(MADE)) == 0


def test_a_disk_without_room_takes_no_step(desk: Desk) -> None:
    desk.has_room = False
    assert desk.create() == 0x0213
    assert (desk.steps(), desk.beside()) == ([], [])


def test_every_status_that_is_told_is_in_the_conformance_statement(desk: Desk) -> None:
    from sluice.conformance.services import CHAPTERS

    assert MPPS in CHAPTERS
    assert {0x0106, 0x0110, 0x0111, 0x0112, 0x0117, 0x0120, 0x0121, 0x0124, 0x0213} == STATUSES.keys()
