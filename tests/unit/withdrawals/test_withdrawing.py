"""What a withdrawal ends at once, what it purges, and what it certifies."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select

from handoff.database.tables import Batch, Copy, Handoff, Instance, Shipment, Study, StudyVersion, Withdrawal
from handoff.errors import BatchError, BusyError, ConflictError, NotFoundError, PackageError, WithdrawnError
from handoff.store.store import batch_path, package_path
from handoff.withdrawals.copies import note_copy
from handoff.withdrawals.gate import hold_alone
from handoff.withdrawals.kinds import download_uri, model_uri, package_uri
from tests.integration.handoff.packages import Package, new_id


def shipment(desk, package) -> Shipment:
    return desk.get(Shipment, package.id)


def test_from_the_answer_on_nothing_new_is_made_of_the_shipments(desk):
    stays, goes = Package.of(2, patient="P1"), Package.of(2, patient="P2")
    desk.delivered(stays, goes)
    batch = desk.form()
    asked = desk.withdraw(goes)
    assert desk.get(Batch, batch).withdrawn_by == asked.id
    with pytest.raises(WithdrawnError):
        desk.deliver(goes)
    other = desk.form()
    assert other != batch
    assert desk.get(Batch, other).instances == 2
    with desk.database.read() as session:
        details = session.scalars(select(Batch.details).where(Batch.id == other)).one()
    assert details["left_out"] == [{"study": goes.study, "reason": "withdrawn"}]


def test_a_study_loses_what_was_withdrawn_in_its_next_version(desk):
    stays = Package.of(2, patient="P1")
    goes = Package.of(3, patient="P1", study=stays.study)
    desk.delivered(stays, goes)
    asked = desk.withdraw(goes)
    with desk.database.read() as session:
        study = session.scalars(select(Study)).one()
        version = session.get_one(StudyVersion, (study.id, 2))
    assert (study.state, study.version, version.instances) == ("complete", 2, 2)
    assert version.closed_by == {"rule": "withdrawn", "withdrawal": asked.id}


def test_an_earlier_revision_holds_again_when_the_later_one_is_withdrawn(desk):
    first = Package.of(1, patient="P1")
    second = Package.of(1, patient="P1", study=first.study)
    again = second.instances[0].model_copy(
        update={
            "sop_instance_uid": first.uids[0],
            "member": first.instances[0].member,
            "revision": 2,
        }
    )
    second.members = {again.member: second.members[second.instances[0].member]}
    second.instances = [again]
    desk.delivered(first, second)
    desk.withdraw(second)
    with desk.database.read() as session:
        current = session.scalars(select(Instance).where(Instance.current)).one()
    assert current.shipment_id == first.id


def test_every_copy_that_may_be_purged_is_gone_and_certified(desk):
    goes = Package.of(2)
    desk.delivered(goes)
    batch = desk.form()
    run = desk.handoff(batch)
    assert {kind for kind, _ in desk.copies()} == {"package", "batch", "result", "run"}
    asked = desk.withdraw(goes)
    assert desk.work(asked.id)
    assert desk.files() == set()
    assert not (desk.home.results / run.key).exists()
    assert not (desk.home.runs / run.key).exists()
    said = desk.certificate(asked.id).certificate
    assert (said.shipments, said.batches, said.never_arrived, said.remains) == ((goes.id,), (batch,), (), ())
    assert sorted((copy.kind, copy.name) for copy in said.purged) == [
        ("batch", batch),
        ("package", shipment(desk, goes).sha256),
        ("result", run.id),
        ("run", run.id),
    ]
    assert desk.get(Withdrawal, asked.id).state == "purged"


def test_the_certificate_is_signed_by_the_key_of_the_receipts_and_says_no_path(desk):
    goes = Package.of(1)
    desk.delivered(goes)
    desk.form()
    asked = desk.withdraw(goes)
    desk.work(asked.id)
    signed = desk.certificate(asked.id)
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(desk.signer.public_key))
    key.verify(base64.b64decode(signed.signature), signed.certificate.signed_bytes())
    assert signed.certificate.key_id == desk.signer.key_id
    assert "/" not in signed.model_dump_json().replace(signed.signature, "")


def test_what_cannot_be_purged_remains_with_its_reason_its_holder_and_its_end(desk):
    goes = Package.of(1)
    desk.delivered(goes)
    batch = desk.form()
    run = desk.handoff(batch, kind="train")
    with desk.database.write() as session:
        note_copy(session, "model", model_uri("unet:1"), batch=batch, handoff=run.id)
        note_copy(session, "download", download_uri(batch, "anna"), batch=batch, holder="anna", expires_at=86_400.0)
    asked = desk.withdraw(goes)
    assert desk.work(asked.id)
    remains = desk.certificate(asked.id).certificate.remains
    assert [(copy.kind, copy.name, copy.reason, copy.holder, str(copy.expires_on)) for copy in remains] == [
        ("model", "unet:1", "derived-model", None, "None"),
        ("download", f"{batch}/anna", "downloaded", "anna", "1970-01-02"),
    ]
    assert desk.get(Withdrawal, asked.id).state == "remains"


def test_a_copy_that_cannot_be_removed_is_said_to_remain_and_is_tried_again_when_asked_for_again(desk, monkeypatch):
    goes = Package.of(1)
    desk.delivered(goes)
    batch = desk.form()
    asked = desk.withdraw(goes)
    remove = type(desk.store.files).remove

    def refusing(self, path):
        if path == batch_path(batch):
            raise PermissionError(1, "Operation not permitted")
        remove(self, path)

    with monkeypatch.context() as patched:
        patched.setattr(type(desk.store.files), "remove", refusing)
        assert [desk.work(asked.id) for _ in range(3)] == [False, False, True]
    remains = desk.certificate(asked.id).certificate.remains
    assert [(copy.kind, copy.reason) for copy in remains] == [("batch", "not-permitted")]
    assert desk.files() == {batch_path(batch)}
    again = desk.withdraw(goes)
    assert (again.id, again.created) == (asked.id, False)
    assert desk.work(asked.id)
    assert (desk.files(), desk.certificate(asked.id).certificate.remains) == (set(), ())


def test_a_shipment_that_never_came_may_be_withdrawn_and_is_refused_when_it_comes(desk):
    never = Package.of(1)
    asked = desk.withdraw(never)
    assert desk.work(asked.id)
    assert desk.certificate(asked.id).certificate.never_arrived == (never.id,)
    with pytest.raises(WithdrawnError):
        desk.deliver(never)
    assert desk.files() == set()


def test_the_same_shipments_are_the_same_withdrawal_and_others_of_them_are_another(desk):
    one, two = Package.of(1, patient="P1"), Package.of(1, patient="P2")
    desk.delivered(one, two)
    first = desk.withdraw(one, two)
    assert desk.withdraw(two, one) == type(first)(first.id, created=False)
    assert desk.work(first.id)
    part = desk.withdraw(two)
    assert part.created
    assert part.id != first.id
    assert desk.work(part.id)
    assert [copy.kind for copy in desk.certificate(part.id).certificate.purged] == ["package"]


def test_shipments_of_another_project_are_not_there(desk):
    other = Package.of(1, project="livers")
    desk.delivered(other)
    with pytest.raises(NotFoundError):
        desk.withdraw(other)
    assert shipment(desk, other).withdrawn_by is None


def test_there_is_no_certificate_while_something_is_still_to_be_purged(desk):
    goes = Package.of(1)
    desk.delivered(goes)
    asked = desk.withdraw(goes)
    with pytest.raises(ConflictError, match="still purging"):
        desk.certificate(asked.id)


def test_bytes_that_another_shipment_shares_stay_for_it(desk):
    """No sender makes two shipments of one package, for it names its shipment; but a row says which digest it has."""
    goes, stays = Package.of(1, patient="P1"), Package.of(1, patient="P2")
    desk.delivered(goes, stays)
    shared = shipment(desk, goes).sha256
    with desk.database.write() as session:
        session.get_one(Shipment, stays.id).sha256 = shared
    asked = desk.withdraw(goes)
    assert desk.work(asked.id)
    assert package_path(shared) in desk.files()
    remains = desk.certificate(asked.id).certificate.remains
    assert [(copy.kind, copy.reason) for copy in remains] == [("package", "shared")]
    later = desk.withdraw(stays)
    assert desk.work(later.id)
    assert package_path(shared) not in desk.files()


def test_bytes_that_were_purged_between_their_arrival_and_their_receipt_are_sent_again(desk, monkeypatch):
    """The package is kept; before its row is written a purge, of another shipment with these bytes, removes it."""
    package = Package.of(1)
    kept = type(desk.store.files).keep

    def keep_and_lose(self, body, path):
        kept(self, body, path)
        with desk.database.write() as session:
            hold_alone(session)
            session.scalars(select(Copy).where(Copy.uri == package_uri(body.sha256))).one().state = "purged"
            self.remove(path)

    with monkeypatch.context() as patched:
        patched.setattr(type(desk.store.files), "keep", keep_and_lose)
        with pytest.raises(BusyError):
            desk.deliver(package)
    assert shipment(desk, package) is None
    assert desk.deliver(package).created
    assert len(desk.files()) == 1


def test_a_withdrawal_while_a_package_is_checked_refuses_it_and_keeps_nothing(desk, monkeypatch):
    package = Package.of(1)
    kept = type(desk.store.files).keep

    def keep_and_withdraw(self, body, path):
        desk.withdraw(package)
        kept(self, body, path)

    with monkeypatch.context() as patched:
        patched.setattr(type(desk.store.files), "keep", keep_and_withdraw)
        with pytest.raises(WithdrawnError):
            desk.deliver(package)
    assert (desk.files(), shipment(desk, package), desk.copies()) == (set(), None, [])


def test_content_that_was_withdrawn_does_not_come_back_by_another_shipment(desk):
    goes = Package.of(1)
    desk.delivered(goes)
    desk.form()
    desk.withdraw(goes)
    again = Package(goes.instances, goes.members, patient=goes.patient, study=goes.study, series=goes.series)
    desk.delivered(again)
    with pytest.raises(BatchError) as refused:
        desk.form()
    assert refused.value.code == "batch-withdrawn"


def test_a_study_that_was_withdrawn_whole_is_refused_by_name(desk):
    goes = Package.of(1)
    desk.delivered(goes)
    desk.withdraw(goes)
    with pytest.raises(BatchError, match="withdrawn"):
        desk.form(select={"studies": [goes.study]})


def test_a_package_of_a_second_patient_leaves_no_copy_behind(desk):
    first = Package.of(1, patient="P1")
    desk.deliver(first)
    with pytest.raises(PackageError):
        desk.deliver(Package.of(1, patient="P2", study=first.study))
    assert (len(desk.files()), desk.copies()) == (1, [("package", "present")])


def test_ids_are_those_of_the_contract(desk):
    asked = desk.withdraw(Package.of(1))
    assert len(asked.id) == len(new_id())
    assert desk.get(Handoff, asked.id) is None
