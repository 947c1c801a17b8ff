"""A withdrawal beside whatever else happens to its shipments at the same moment, and one that is killed."""

import hashlib

import pytest
from sqlalchemy import select

from handoff.backends.interface import RunPhase, RunStatus
from handoff.contract.canonical import canonical_json
from handoff.contract.result import RESULT_FILE, Result
from handoff.database.tables import (
    Batch,
    BatchInstance,
    BatchShipment,
    Copy,
    Handoff,
    LabelDocument,
    LabelRowRecord,
    PipelineVersion,
    Study,
    Withdrawal,
)
from handoff.errors import RunError
from handoff.handoffs.accept import HandoffAcceptance
from handoff.handoffs.order import OrderError, make_order
from handoff.handoffs.watch import Watch
from handoff.labels.admit import label_admission
from handoff.schemas.handoffs import HandoffRequest
from handoff.store.files import digest_of
from handoff.store.store import batch_path
from handoff.withdrawals.labels import drop_labels_of_document
from handoff.withdrawals.withdrawer import Withdrawer
from tests.integration.handoff.packages import Package


class Killed(BaseException):
    """What no code of ours catches: the process is gone."""


class Engine:
    """An engine that says what it is told to."""

    settle_seconds = 0.0
    poll_seconds = 0.0

    def __init__(self, phase: RunPhase) -> None:
        self.phase = phase
        self.canceled: list[str] = []

    def status(self, _reference: str) -> RunStatus:
        return RunStatus(self.phase)

    def cancel(self, reference: str) -> None:
        self.canceled.append(reference)


def state(desk, handoff) -> tuple[str, str | None]:
    row = desk.get(Handoff, handoff.id)
    return row.state, row.reason


def test_a_running_handoff_is_canceled_and_its_copies_wait_for_its_end(desk):
    goes = Package.of(1)
    desk.delivered(goes)
    batch = desk.form()
    run = desk.handoff(batch, state="RUNNING", reference="r")
    asked = desk.withdraw(goes)
    assert not desk.work(asked.id)
    assert desk.get(Handoff, run.id).cancel_asked
    assert desk.files() == set()
    assert (desk.home.results / run.key / "volumes" / "left").exists()
    engine = Engine(RunPhase.CANCELED)
    Watch(desk.database, desk.store, engine).look(run.id)
    assert (engine.canceled, state(desk, run)) == (["r"], ("CANCELED", "asked"))
    assert desk.work(asked.id)
    assert not (desk.home.results / run.key).exists()
    assert desk.certificate(asked.id).certificate.handoffs_ended == (run.id,)


def test_a_run_that_completes_in_spite_of_its_cancel_is_not_believed(desk):
    goes = Package.of(1)
    desk.delivered(goes)
    run = desk.handoff(desk.form(), state="RUNNING", reference="r")
    leave_result(desk, run)
    desk.withdraw(goes)
    Watch(desk.database, desk.store, Engine(RunPhase.COMPLETED)).look(run.id)
    assert state(desk, run) == ("CANCELED", "batch-withdrawn")


def test_a_withdrawal_while_the_digests_of_a_result_are_read_takes_the_success_away(desk, monkeypatch):
    goes = Package.of(1)
    desk.delivered(goes)
    run = desk.handoff(desk.form(), state="RUNNING", kind="train", reference="r")
    leave_result(desk, run)
    monkeypatch.setattr("handoff.handoffs.watch.verify_result", lambda *_: desk.withdraw(goes) and RESULT)
    Watch(desk.database, desk.store, Engine(RunPhase.COMPLETED)).look(run.id)
    assert state(desk, run) == ("CANCELED", "batch-withdrawn")


RESULT = Result.model_construct(files=(), volumes=(), model=None, metrics={}, spec_digest="d" * 64)


def leave_result(desk, run) -> None:
    desk.store.result(run.key).write(RESULT_FILE, [canonical_json(RESULT)])


def test_nothing_is_handed_off_on_a_batch_that_was_withdrawn(desk):
    goes = Package.of(1)
    desk.delivered(goes)
    batch = desk.form()
    desk.handoff(batch)
    desk.withdraw(goes)
    with pytest.raises(RunError) as refused:
        HandoffAcceptance(desk.database, desk.settings).accept(
            HandoffRequest(kind="prepare", batch=batch, pipeline="p")
        )
    assert refused.value.code == "batch-withdrawn"


def test_an_accepted_handoff_is_not_sent_once_its_batch_was_withdrawn(desk):
    goes = Package.of(1)
    desk.delivered(goes)
    run = desk.handoff(desk.form(), state="VALIDATING")
    desk.store.files.write("pipelines/p.yaml", [b""])
    desk.withdraw(goes)
    with desk.database.write() as session:
        row = session.get_one(Handoff, run.id)
        session.get_one(PipelineVersion, "p").yaml_digest = digest_of(desk.store.files, "pipelines/p.yaml")
        with pytest.raises(OrderError, match="batch-withdrawn"):
            make_order(session, desk.home, desk.store, row)


def test_a_withdrawal_while_a_batch_is_formed_leaves_nothing_of_it_and_forms_the_rest(desk, monkeypatch):
    stays, goes = Package.of(2, patient="P1"), Package.of(2, patient="P2")
    desk.delivered(stays, goes)
    write = type(desk.store.files).write
    asked = []

    def write_and_withdraw(self, path, blocks):
        digest = write(self, path, blocks)
        if not asked:
            asked.append(desk.withdraw(goes))
        return digest

    monkeypatch.setattr(type(desk.store.files), "write", write_and_withdraw)
    batch = desk.form()
    with desk.database.read() as session:
        assert session.scalars(select(Batch.id)).all() == [batch]
        assert session.scalars(select(BatchShipment.shipment_id)).all() == [stays.id]
        assert len(session.scalars(select(BatchInstance.instance_id)).all()) == 2
    assert [path for path in desk.files() if path.startswith("batches/")] == [batch_path(batch)]
    assert desk.work(asked[0].id)
    assert desk.certificate(asked[0].id).certificate.batches == ()


def test_a_batch_whose_forming_was_killed_is_finished_by_the_next_request(desk, monkeypatch):
    desk.delivered(Package.of(3))
    with monkeypatch.context() as patched:
        patched.setattr("handoff.batches.form.BatchForming._finish", killed)
        with pytest.raises(Killed):
            desk.form()
    with desk.database.read() as session:
        assert [batch.formed for batch in session.scalars(select(Batch))] == [False]
    batch = desk.get(Batch, desk.form())
    assert (batch.formed, batch.instances) == (True, 3)
    assert batch.file_sha256


def test_what_a_killed_forming_left_is_purged_too(desk, monkeypatch):
    goes = Package.of(3)
    desk.delivered(goes)
    with monkeypatch.context() as patched:
        patched.setattr("handoff.batches.form.BatchForming._record_members", killed)
        with pytest.raises(Killed):
            desk.form()
    asked = desk.withdraw(goes)
    assert not desk.work(asked.id), "it may still be under way"
    monkeypatch.setattr("handoff.withdrawals.purge.FORMING_SECONDS", -1.0)
    assert desk.work(asked.id)
    assert desk.files() == set()


def killed(*_: object, **__: object) -> None:
    raise Killed


@pytest.mark.parametrize("step", range(12))
def test_a_withdrawal_that_is_killed_anywhere_goes_on_where_it_was(desk, monkeypatch, step):
    """Each commit and each removal is a step; at one of them the process is gone."""
    goes, stays = [Package.of(1, patient=patient) for patient in ("P1", "P2")]
    desk.delivered(goes, stays)
    run = desk.handoff(desk.form())
    asked = desk.withdraw(goes)
    left = step
    write = type(desk.database).write

    def count_down() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise Killed

    def write_or_die(self):
        count_down()
        return write(self)

    with monkeypatch.context() as patched:
        patched.setattr(type(desk.database), "write", write_or_die)
        patched.setattr("handoff.withdrawals.purge.fsync_folder", lambda _: count_down())
        with pytest.raises(Killed):
            desk.work(asked.id)
    assert desk.get(Withdrawal, asked.id).ended_at is None
    assert desk.work(asked.id)
    assert len(desk.files()) == 1
    assert not (desk.home.results / run.key).exists()
    said = desk.certificate(asked.id).certificate
    assert sorted(copy.kind for copy in said.purged) == ["batch", "package", "result", "run"]
    assert said.remains == ()


def test_two_processes_of_a_home_do_not_purge_at_once(desk):
    goes = Package.of(1)
    desk.delivered(goes)
    asked = desk.withdraw(goes)
    first = Withdrawer(desk.database, desk.home, desk.store, desk.signer)
    second = Withdrawer(desk.database, desk.home, desk.store, desk.signer)
    with first._alone() as held:
        assert held is not None
        second.round()
    assert desk.get(Withdrawal, asked.id).ended_at is None
    first.round()
    assert desk.get(Withdrawal, asked.id).ended_at is not None


def test_withdrawals_that_wait_for_another_home_keep_no_other_from_its_turn(desk):
    waits, goes = Package.of(1), Package.of(1)
    desk.delivered(waits)
    desk.handoff(desk.form())
    with desk.database.write() as session:
        session.scalars(select(Copy).where(Copy.kind == "run")).one().holder = "another-home"
    for _ in range(25):  # each another withdrawal of the same shipment, beside one that never came
        desk.withdraw(waits, Package.of(1))
    desk.delivered(goes)
    asked = desk.withdraw(goes)
    Withdrawer(desk.database, desk.home, desk.store, desk.signer).round()
    assert desk.get(Withdrawal, asked.id).ended_at is not None


def test_the_folder_of_a_run_in_another_home_waits_for_that_home(desk):
    goes = Package.of(1)
    desk.delivered(goes)
    run = desk.handoff(desk.form())
    with desk.database.write() as session:
        session.scalars(select(Copy).where(Copy.kind == "run")).one().holder = "another-home"
    asked = desk.withdraw(goes)
    assert not desk.work(asked.id)
    assert (desk.home.runs / run.key).exists()
    with desk.database.write() as session:
        session.get_one(Withdrawal, asked.id).asked_at -= 8 * 86_400
    assert desk.work(asked.id)
    remains = desk.certificate(asked.id).certificate.remains
    assert [(copy.kind, copy.reason, copy.holder) for copy in remains] == [("run", "holder-away", "another-home")]


def label(desk, package, document, *, series: bool = False) -> None:
    """A label of a package's study, or of its series."""
    with desk.database.write() as session:
        if session.get(LabelDocument, document) is None:
            facts = {"project": "lungs", "source": "reader", "revision": 1, "rows": 1, "sha256": "", "size": 1}
            session.add(LabelDocument(id=document, receipt={}, received_at=0.0, **facts))
            session.flush()
        place = {"patient": package.patient, "study_uid": package.study, "level": "series" if series else "study"}
        place |= {"series_uid": package.series} if series else {}
        about = {"document_id": document, "project": "lungs", "source": "reader", "revision": 1}
        session.add(LabelRowRecord(**about, **place, labels={"lesion": True}))


def test_labels_of_what_was_withdrawn_are_deleted_and_others_stay(desk):
    goes, stays = Package.of(1, patient="P1"), Package.of(1, patient="P2")
    part = Package.of(1, patient="P2", study=stays.study)
    desk.delivered(goes, stays, part)
    for package, of_series in ((goes, False), (stays, False), (stays, True), (part, True)):
        label(desk, package, "a" * 32, series=of_series)
    asked = desk.withdraw(goes, part)
    assert desk.work(asked.id)
    with desk.database.read() as session:
        kept = [(row.patient, row.series_uid) for row in session.scalars(select(LabelRowRecord))]
    assert kept == [("P2", None), ("P2", stays.series)]
    assert desk.certificate(asked.id).certificate.label_rows == 2


def test_labels_of_a_withdrawn_patient_that_come_later_are_not_kept(desk):
    goes = Package.of(1, patient="P1")
    desk.delivered(goes)
    desk.work(desk.withdraw(goes).id)
    label(desk, goes, "b" * 32)
    with desk.database.write() as session:
        assert drop_labels_of_document(session, "b" * 32) == 1
    with desk.database.read() as session:
        assert session.scalars(select(LabelRowRecord)).all() == []
        assert session.scalars(select(Study.content)).one() is not None


def test_no_withdrawal_comes_between_labels_that_are_recorded_and_the_look_whether_they_may_be(desk, monkeypatch):
    """On PostgreSQL: its one look for label rows would miss those that are not committed yet."""
    happened = []
    monkeypatch.setattr("handoff.withdrawals.gate.hold_until_commit", lambda _, *held, **__: happened.append(held[0]))
    monkeypatch.setattr("handoff.labels.admit.drop_labels_of_document", lambda *_: happened.append("looked"))
    row = {"level": "patient", "patient": "P1", "labels": {"lesion": True}}
    said = {"labels_id": "b" * 32, "project": "lungs", "source": "reader", "revision": 1, "rows": [row]}
    body = canonical_json(said)
    label_admission(desk.database, desk.signer).admit("b" * 32, body, hashlib.sha256(body).hexdigest())
    assert happened == ["withdrawals", "looked"]
