"""`sluice pull` against a real Orthanc and a real receiver, both ways."""

import itertools
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pynetdicom import AE, StoragePresentationContexts, evt

from tests.integration.pull.conftest import Hospital
from tests.orthanc import write_peers
from tests.receiver_process import data_set_bytes, uid_of
from tests.waiting import wait_for

pytestmark = pytest.mark.integration

BOTH = pytest.mark.parametrize("by", ["move", "get"])


@BOTH
def test_a_list_is_fetched_byte_for_byte_and_counted(hospital: Hospital, by: str) -> None:
    studies = [hospital.study(4), hospital.study(3)]
    ran = hospital.pull("--list", hospital.list_of(*studies), by=by)
    assert ran.code == 0, ran.errors
    assert (ran.finished["studies"], ran.finished["done"], ran.finished["here"]) == (2, 2, 7)
    kept = hospital.receiver.kept_bytes()
    for study in studies:
        assert hospital.here(study) == sorted(map(uid_of, study.files))
        assert all(kept[uid_of(file)] == data_set_bytes(file) for file in study.files)


@BOTH
def test_the_pacs_is_the_calling_ae_title_whichever_way_it_came(hospital: Hospital, by: str) -> None:
    study = hospital.study(1)
    hospital.pull("--list", hospital.list_of(study), by=by)
    rows = hospital.receiver.rows(
        "SELECT a.calling_ae, a.called_ae FROM associations a JOIN instances i ON i.association_id = a.id"
        f" WHERE i.study_uid = '{study.uid}'"
    )
    assert rows == [("ORTHANC", "SLUICE")]


@BOTH
def test_what_is_here_already_is_not_fetched_again(hospital: Hospital, by: str) -> None:
    study = hospital.study(5)
    wanted = hospital.list_of(study)
    for uid in map(uid_of, study.files[:2]):
        hospital.pacs.delete_instance(uid)
    assert hospital.pull("--list", wanted, by=by).code == 0
    hospital.pacs.add(study.files)
    ran = hospital.pull("--list", wanted, by=by)
    assert (ran.code, ran.finished["here"]) == (0, 5)
    assert hospital.here(study) == sorted(map(uid_of, study.files))


def test_a_window_with_filters_asks_for_nothing_else(hospital: Hospital) -> None:
    wanted = hospital.study(2, StudyDate="20190304", StudyDescription="Thorax nativ")
    others = [
        hospital.study(1, StudyDate="20190304", StudyDescription="Schaedel"),
        hospital.study(1, StudyDate="20190401", StudyDescription="Thorax nativ"),
        hospital.study(1, StudyDate="20190304", StudyDescription="Thorax nativ", Modality="MR"),
    ]
    window = ("--from", "2019-03-01", "--to", "2019-03-31", "--modality", "CT", "--description", "*Thorax*")
    ran = hospital.pull(*window)
    assert (ran.code, ran.finished["studies"]) == (0, 1)
    assert len(hospital.here(wanted)) == 2
    assert not any(hospital.here(other) for other in others)


def test_a_dry_run_counts_and_fetches_nothing(hospital: Hospital) -> None:
    study = hospital.study(3)
    ran = hospital.pull("--list", hospital.list_of(study), "--dry-run")
    [found] = ran.events("found")
    assert (ran.code, found["studies"], found["expected"], found["here"]) == (0, 1, 3, 0)
    assert hospital.here(study) == []


def test_a_line_without_a_study_is_named_by_its_number(hospital: Hospital) -> None:
    study = hospital.study(1)
    wanted = hospital.list_of(study)
    wanted.write_text(f"PatientID,AccessionNumber\n{study.patient},ACC{study.patient}\nNOBODY^KNOWN,\n")
    ran = hospital.pull("--list", wanted)
    assert (ran.code, ran.finished["lines_without_study"], ran.finished["done"]) == (1, [3], 1)
    assert "NOBODY" not in ran.output + ran.errors


@BOTH
def test_a_pull_that_is_killed_goes_on_where_it_was(hospital: Hospital, tmp_path: Path, by: str) -> None:
    studies = [hospital.study(12) for _ in range(4)]
    wanted = hospital.list_of(*studies, column="StudyInstanceUID")
    arguments = ["pull", "pacs", "--list", wanted, "--by", by, "--receiver", f"127.0.0.1:{hospital.receiver.port}"]
    with (tmp_path / "log").open("wb") as log:
        pulling = subprocess.Popen(hospital.command(*arguments, "--objects-per-second", 4), stdout=log, stderr=log)
    wait_for(lambda: any(map(hospital.here, studies)))
    pulling.send_signal(signal.SIGKILL)
    pulling.wait()
    before = sum(len(hospital.here(study)) for study in studies)
    assert 0 < before < 48
    ran = hospital.pull("--list", wanted, by=by)
    assert (ran.code, ran.finished["done"], ran.finished["here"]) == (0, 4, 48)
    for study in studies:
        assert set(hospital.here(study)) == set(map(uid_of, study.files))
    twice = sum(len(hospital.here(study)) for study in studies) - 48
    assert twice <= 12, "at most the study that was on its way comes twice"


@BOTH
def test_a_limit_of_objects_is_kept(hospital: Hospital, by: str) -> None:
    study = hospital.study(30)
    began = time.monotonic()
    ran = hospital.pull("--list", hospital.list_of(study), "--objects-per-second", 10, by=by)
    assert (ran.code, ran.finished["here"]) == (0, 30)
    assert time.monotonic() - began > 1.5


def test_a_pacs_that_goes_away_ends_in_a_sentence_and_the_rest_comes_later(hospital: Hospital) -> None:
    study = hospital.study(2)
    wanted = hospital.list_of(study)
    hospital.pacs.stop()
    try:
        ran = hospital.pull("--list", wanted)
    finally:
        hospital.pacs.start()
    assert ran.code == 1
    assert "nothing listens on that port" in ran.errors
    assert ran.errors.count("\n") == 1
    assert hospital.pull("--list", wanted).code == 0
    assert len(hospital.here(study)) == 2


def test_a_destination_that_the_pacs_does_not_know_is_said(hospital: Hospital) -> None:
    study = hospital.study(1)
    write_peers(hospital.home / "trusted", hospital.pacs, receiver_ae_title="ELSEWHERE")
    ran = hospital.pull("--list", hospital.list_of(study))
    write_peers(hospital.home / "trusted", hospital.pacs)
    assert (ran.code, ran.finished["failed"]) == (1, 1)
    assert ran.finished["hint"] == "does it know ELSEWHERE as a destination?"


def test_a_receiver_that_is_down_is_never_success(hospital: Hospital) -> None:
    study = hospital.study(2)
    ran = hospital.run("pull", "pacs", "--by", "get", "--receiver", "127.0.0.1:1", "--list", hospital.list_of(study))
    assert ran.code == 1
    assert "takes nothing" in ran.errors
    assert hospital.here(study) == []


@contextmanager
def picky_receiver() -> Iterator[int]:
    """A receiver that refuses every second object for want of space."""
    entity, seen = AE("PICKY"), itertools.count()
    entity.supported_contexts = StoragePresentationContexts
    refuse = [(evt.EVT_C_STORE, lambda event: 0xA700 if next(seen) % 2 else 0x0000)]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=refuse)
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


@BOTH
def test_sub_operations_that_fail_are_counted_and_named(hospital: Hospital, by: str) -> None:
    study = hospital.study(4)
    with picky_receiver() as port:
        hospital.pacs.know("PICKY", port)
        write_peers(hospital.home / "trusted", hospital.pacs, receiver_ae_title="PICKY")
        ran = hospital.run(
            "pull", "pacs", "--by", by, "--receiver", f"127.0.0.1:{port}", "--list", hospital.list_of(study)
        )
        write_peers(hospital.home / "trusted", hospital.pacs)
    assert (ran.code, ran.finished["failed"]) == (1, 1)
    [said] = ran.events("study")
    if by == "get":
        assert (said["completed"], said["failed"], said["code"]) == (2, 2, "sub-operations-failed")
    else:  # Orthanc gives up at the first one that fails
        assert said["code"] == "status-c000"
    named = Path(ran.finished["failures"]).read_text()
    assert all(uid_of(file) in named for file in study.files), "none of them is in the ledger of this receiver"
    assert study.uid not in ran.output + ran.errors


def test_a_peer_that_answers_says_so(hospital: Hospital) -> None:
    ran = hospital.run("peers", "echo", "pacs")
    assert (ran.code, ran.output.startswith("Peer pacs answers as ORTHANC")) == (0, True)
