"""Performed procedure steps with a real modality: pynetdicom as SCU, and a receiver that is killed in between."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
from pynetdicom import AE
from pynetdicom.sop_class import CTImageStorage, Verification  # type: ignore[attr-defined]

from processors.ledger.repair import rebuild
from tests.builders import write_ct_series
from tests.integration.receive.doctor import ask_doctor, troubles
from tests.receiver_process import ReceiverProcess
from tests.unit.receive.performed_step import MPPS, created, ended
from tests.waiting import wait_for

pytestmark = pytest.mark.integration

FILE = """
peers:
  ct1:
    sends: {ae_titles: CT1, performed_steps: true}
  mr1:
    sends: {ae_titles: MR1}
"""


@pytest.fixture(params=["fast", "reference"])
def receiver(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ReceiverProcess]:
    file = tmp_path / "peers.yaml"
    file.write_text(FILE)
    with ReceiverProcess(tmp_path / "home", "--engine", request.param, "--peers", str(file)) as one:
        yield one


@contextmanager
def calling(receiver: ReceiverProcess, ae_title: str = "CT1", syntax: str = ImplicitVRLittleEndian) -> Iterator[Any]:
    """A modality's association for everything that it does."""
    entity = AE(ae_title)
    entity.add_requested_context(MPPS, [syntax])
    entity.add_requested_context(CTImageStorage, [ExplicitVRLittleEndian])
    entity.add_requested_context(Verification)
    association = entity.associate("127.0.0.1", receiver.port, ae_title="SLUICE")
    assert association.is_established
    yield association
    if association.is_established:
        association.release()


def create(association: Any, step: str, study: str) -> int:
    return int(association.send_n_create(created(study), MPPS, step or None)[0].Status)


def change(association: Any, step: str, data_set: Dataset) -> int:
    return int(association.send_n_set(data_set, MPPS, step)[0].Status)


STEPS = "SELECT sop_instance_uid, peer, state FROM performed_steps"


def test_a_step_survives_a_crash_at_each_answer_and_names_what_was_stored(
    receiver: ReceiverProcess, tmp_path: Path
) -> None:
    files = write_ct_series(tmp_path / "ct", slices=2)
    objects = [dcmread(file) for file in files]
    study, step = str(objects[0].StudyInstanceUID), str(generate_uid())
    with calling(receiver) as association:
        assert create(association, step, study) == 0
        receiver.kill()  # nothing was written after the answer
        wait_for(lambda: not association.is_established)
    receiver.start()
    with calling(receiver, syntax=ExplicitVRLittleEndian) as association:
        assert create(association, step, study) == 0x0111
        assert [association.send_c_store(one).Status for one in objects] == [0, 0]
        assert change(association, step, ended([one.SOPInstanceUID for one in objects])) == 0
        receiver.kill()
        wait_for(lambda: not association.is_established)
    receiver.start()
    assert receiver.rows(STEPS) == [(step, "ct1", "COMPLETED")]
    named = receiver.rows("SELECT sop_instance_uid FROM performed_instances")
    assert {row[0] for row in named} == {str(one.SOPInstanceUID) for one in objects}
    assert receiver.rows("SELECT e.state FROM evidence e JOIN performed_lists l ON l.id = e.association_id") == [
        ("pending",)
    ]  # until NiFi has treated the delivery
    with calling(receiver) as association:
        assert change(association, step, ended([])) == 0x0110


def deleted(ledger: Path) -> None:
    for file in ledger.parent.glob("ledger.db*"):
        file.unlink()


def overwritten(ledger: Path) -> None:
    ledger.write_bytes(b"no database" * 1000)


@pytest.mark.parametrize("damage", [deleted, overwritten])
def test_steps_outlive_their_ledger(receiver: ReceiverProcess, damage: Callable[[Path], None]) -> None:
    study, going_on, over = "1.2.3", str(generate_uid()), str(generate_uid())
    with calling(receiver) as association:
        assert [create(association, step, study) for step in (going_on, over)] == [0, 0]
        assert change(association, over, ended(["1.2.3.1"])) == 0
        receiver.kill()
        wait_for(lambda: not association.is_established)
    before = receiver.rows(f"{STEPS} ORDER BY 1")
    damage(receiver.ledger)
    rebuild(receiver.layout.root, receiver.ledger)
    receiver.start()
    assert receiver.rows(f"{STEPS} ORDER BY 1") == before
    with calling(receiver) as association:
        assert create(association, going_on, study) == 0x0111
        assert change(association, over, ended([])) == 0x0110
        assert change(association, going_on, ended(["1.2.3.2"])) == 0
    lists = "SELECT count(*) FROM performed_lists l JOIN evidence e ON e.association_id = l.id"
    assert receiver.rows(lists) == [(2,)]


def test_who_may_not_send_steps_hears_so_and_the_doctor_knows(
    receiver: ReceiverProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    step = str(generate_uid())
    with calling(receiver) as association:
        assert change(association, step, ended(["1.2.3"])) == 0x0112
        assert create(association, step, "1.2.3") == 0
    with calling(receiver, "MR1") as association:
        assert create(association, str(generate_uid()), "1.2.3") == 0x0124
        assert change(association, step, ended(["1.2.3"])) == 0x0124
    assert receiver.rows(STEPS) == [(step, "ct1", "IN PROGRESS")]
    assert set(troubles(receiver, 2)) == {"performed-step-refused", "performed-steps-off"}
    told = {str(one["cause"]): str(one["sentence"]) for one in ask_doctor(receiver.home, capsys)["troubles"]}
    assert "N-SET 0112" in told["performed-step-refused"]
    assert "MR1 at 127.0.0.1" in told["performed-steps-off"]


def test_what_no_modality_would_send_ends_no_association_and_leaves_no_step(receiver: ReceiverProcess) -> None:
    step = str(generate_uid())
    with calling(receiver) as association:
        empty = Dataset()
        empty.PatientID = "HOSP-4711"
        assert association.send_n_create(empty, MPPS, step)[0].Status == 0x0120
        too_long = created("1.2.3")
        too_long.EncapsulatedDocument = b"x" * (5 << 20)
        assert association.send_n_create(too_long, MPPS, step)[0].Status == 0x0213
        assert association.send_n_get([], MPPS, step)[0].Status == 0x0211
        assert receiver.rows(STEPS) == []
        assert create(association, step, "1.2.3") == 0
        assert change(association, step, ended([f"1.2.3.{number}" for number in range(3000)])) == 0
        assert create(association, "", "1.2.3") == 0  # it is given one
        [(made,)] = receiver.rows("SELECT sop_instance_uid FROM performed_steps WHERE state = 'IN PROGRESS'")
        assert change(association, str(made), ended(["1.2.3.4"], "DISCONTINUED")) == 0
        assert association.send_c_echo().Status == 0
    assert receiver.rows("SELECT count(*) FROM performed_instances") == [(3001,)]
    wait_for(lambda: '"association"' in receiver.log.read_text())
    assert not [value for value in ("HOSP-4711", "Nobody", "THORAX") if value in receiver.log.read_text()]
