"""What a modality says that it made, and asks to be kept, on its whole way: receiver, trusted zone, handoff.

The modality is real (dcmtk stores, pynetdicom says and asks), so are receiver and handoff; in between is the code that
NiFi's processors call.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian, generate_uid
from pynetdicom import AE

from handoff.schemas.studies import StudyDetail
from processors.deid.keys import KeyFile
from tests.builders import write_ct_series
from tests.integration.handoff.running import RunningHandoff, running
from tests.integration.receive.errands import Errands
from tests.integration.receive.modality import Modality
from tests.receiver_process import ReceiverProcess, storescu
from tests.unit.receive.performed_step import MPPS, created, ended
from tests.waiting import wait_for

pytestmark = pytest.mark.integration

RULES = """
version: 1
rules:
  - name: everything
    when: {}
    ship:
      - {destination: research, project: lung, profile: research-default}
"""
PEERS = """
peers:
  ct1:
    ae_title: CT1
    host: 127.0.0.1
    port: PORT
    sends: {performed_steps: true, storage_commitment: {keep_days: 30}}
"""


@contextmanager
def hospital(home: Path, modality: Modality) -> Iterator[ReceiverProcess]:
    """A trusted home with keys, rules and a receiver that knows the modality."""
    trusted = home / "trusted"
    KeyFile.create(trusted / "keys" / "site.key")
    (trusted / "rules.yaml").write_text(RULES)
    (trusted / "peers.yaml").write_text(PEERS.replace("PORT", str(modality.port)))
    with ReceiverProcess(home, "--peers", str(trusted / "peers.yaml")) as receiver:
        yield receiver


def says(receiver: ReceiverProcess, step: str, study: str, *, made: list[str] | None = None) -> int:
    """The modality begins a step, or ends it with what it made."""
    entity = AE("CT1")
    entity.add_requested_context(MPPS, [ImplicitVRLittleEndian])
    association = entity.associate("127.0.0.1", receiver.port, ae_title="SLUICE")
    assert association.is_established
    request: tuple[Any, ...] = (created(study) if made is None else ended(made), MPPS, step)
    status: Dataset = (association.send_n_create if made is None else association.send_n_set)(*request)[0]
    association.release()
    return int(status.Status)


def settled(receiver: ReceiverProcess, lists: str) -> bool:
    """Whether each of these lists has been told."""
    rows = receiver.rows(f"SELECT e.state FROM {lists} l JOIN evidence e ON e.association_id = l.id")
    return bool(rows) and {row[0] for row in rows} == {"confirmed"}


def carried(errands: Errands, receiver: ReceiverProcess, lists: str) -> None:
    """Let NiFi's code carry what is due until all lists of a kind are told."""

    def look() -> bool:
        errands.run()
        return settled(receiver, lists)

    wait_for(look)


def nothing_original(errands: Errands, originals: list[str]) -> None:
    assert not [one for one in originals if one.encode() in b"".join(errands.messages)]


def test_a_study_waits_for_what_its_step_made_or_for_what_was_asked_to_be_kept(tmp_path: Path) -> None:
    """Silence would close no study for an hour: what does is what the modality said."""
    files, others = (write_ct_series(tmp_path / name, slices=4) for name in ("ct", "other"))
    objects = [dcmread(file) for file in files]
    study, made = str(objects[0].StudyInstanceUID), [str(one.SOPInstanceUID) for one in objects]
    step, home = str(generate_uid()), tmp_path / "home"
    with (
        Modality() as modality,
        hospital(home, modality) as receiver,
        running(home, settings={"rules": {"quiet_seconds": 3600, "commitment_quiet_seconds": 0.3}}) as handoff,
        Errands(home / "trusted", handoff) as errands,
    ):
        assert says(receiver, step, study) == 0
        assert len(storescu(receiver.port, files[:3], "-aet", "CT1").success) == 3
        assert says(receiver, step, study, made=made) == 0
        carried(errands, receiver, "performed_lists")
        assert errands.carried["shipment"] == 1
        [found] = handoff.client.studies()
        wait_for(lambda: handoff.client.study("lung", found.study).waiting_for == "instances-missing")
        assert len(storescu(receiver.port, files[3:], "-aet", "CT1").success) == 1
        assert complete(errands, handoff, found.study).instances == 4
        detail = handoff.client.study("lung", found.study)
        assert (detail.closed_by or {})["rule"] == "performed-step"
        assert "sluice.performed-step/1" in [one.says for one in detail.evidence]

        modality.listen()
        assert modality.store_and_ask(receiver.port, others)[0] == 0
        assert [kind for kind, _ in modality.heard()] == [1]
        carried(errands, receiver, "commitment_lists")
        [other] = [one for one in handoff.client.studies() if one.study != found.study]
        assert complete(errands, handoff, other.study).instances == 4
        detail = handoff.client.study("lung", other.study)
        assert (detail.closed_by or {})["rule"] == "storage-commitment"
        assert "sluice.storage-commitment/1" in [one.says for one in detail.evidence]
    nothing_original(errands, [study, step, *made, *(str(dcmread(file).SOPInstanceUID) for file in others)])


def complete(errands: Errands, handoff: RunningHandoff, study: str) -> StudyDetail:
    """The study once it is complete; what is due meanwhile is carried."""

    def look() -> bool:
        errands.run()
        return handoff.client.study("lung", study).state == "complete"

    wait_for(look)
    return handoff.client.study("lung", study)
