"""The whole path through a real NiFi, with each part killed in the middle of a transfer of several hundred instances.

Invariants 1, 2, 3: what the sender's own log calls a success is handed off exactly once, judged by the packages that
the handoff holds. The sender is dcmtk's storescu. All of it happens to one installation, one fault after the other.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

from nifi import nar
from nifi.distribution import launch
from tests.builders import write_ct_series
from tests.receiver_process import uid_of
from tests.waiting import wait_for
from tests.whole_path import Push, WholePath, push

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

SERIES, SLICES = 6, 60


@pytest.fixture(scope="module")
def processors_nar() -> nar.Nar:
    return nar.build()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Several hundred distinct CT slices of six series."""
    return [
        file
        for number in range(SERIES)
        for file in write_ct_series(tmp_path / "source" / str(number), slices=SLICES, patient=f"P{number:03}")
    ]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, processors_nar: nar.Nar) -> Iterator[WholePath]:
    with WholePath(tmp_path_factory.mktemp("whole") / "home") as path:
        path.up(processors_nar)
        yield path


@pytest.fixture
def whole(installed: WholePath, processors_nar: nar.Nar) -> WholePath:
    """All of it runs, and nothing of an earlier test is on its way."""
    installed.revive(processors_nar)
    installed.settle(0)
    return installed


def uids(files: list[Path]) -> set[str]:
    return {uid_of(file) for file in files}


def send_rest(path: WholePath, first: Push, files: list[Path], folder: Path) -> None:
    """What a modality does after a broken association: send again whatever was not acknowledged."""
    done = {file.resolve() for file in first.acknowledged}
    again = push(path.dicom_port, [file for file in files if file.resolve() not in done], folder)
    again.finish()
    assert len(again.acknowledged) == len(files) - len(first.acknowledged)


def each_exactly_once(path: WholePath, files: list[Path]) -> None:
    expected = uids(files)
    path.settle_of(expected)
    found = path.handed_off()
    assert found.keys() >= expected
    assert set(found.values()) == {1}
    witnesses = path.reconcile()
    assert witnesses.returncode == 0, witnesses.stdout


def test_kill_nifi_in_the_middle_and_every_acknowledged_instance_is_handed_off_once(
    whole, files, tmp_path, processors_nar
):
    sending = push(whole.dicom_port, files, tmp_path / "list")
    sending.until(len(files) // 3)
    whole.kill_nifi()
    sending.finish()
    assert len(sending.acknowledged) == len(files), "a modality notices nothing of NiFi's death"
    whole.deploy(processors_nar)
    each_exactly_once(whole, files)


def test_wipe_nifis_repositories_in_flight_and_the_counts_come_right_again(whole, files, tmp_path, processors_nar):
    """Invariant 3: NiFi is disposable."""
    sending = push(whole.dicom_port, files, tmp_path / "list")
    sending.until(len(files) // 2)
    whole.kill_nifi()
    wait_for(lambda: launch.find(whole.home) is None, 60, lambda: "NiFi survived SIGKILL")
    launch.wipe(whole.home)
    sending.finish()
    whole.deploy(processors_nar)
    each_exactly_once(whole, files)


def test_kill_the_receiver_in_the_middle_and_every_success_in_the_senders_log_is_handed_off_once(
    whole, files, tmp_path
):
    sending = push(whole.dicom_port, files, tmp_path / "list")
    sending.until(len(files) // 2)
    whole.receiver.kill()
    sending.finish()
    assert 0 < len(sending.acknowledged) < len(files)
    whole.receiver.start()
    send_rest(whole, sending, files, tmp_path / "rest")
    each_exactly_once(whole, files)


def test_kill_the_handoff_in_the_middle_and_every_instance_is_handed_off_once(whole, files, tmp_path):
    sending = push(whole.dicom_port, files, tmp_path / "list")
    sending.until(len(files) // 3)
    whole.handoff.kill()
    sending.finish()
    assert len(sending.acknowledged) == len(files), "a modality notices nothing of the handoff's death"
    whole.handoff.start()
    each_exactly_once(whole, files)


def test_after_two_minutes_of_idle_the_first_new_delivery_goes_through(whole, files, tmp_path):
    """NiFi's Py4J threads end when idle; the worker processes must not end with them."""
    first, second = files[:SLICES], files[SLICES : 2 * SLICES]
    push(whole.dicom_port, first, tmp_path / "first").finish()
    each_exactly_once(whole, first)
    time.sleep(120)  # the idle itself is what is tested
    push(whole.dicom_port, second, tmp_path / "second").finish()
    each_exactly_once(whole, first + second)


def test_one_bad_slice_among_hundreds_is_withheld_and_the_rest_goes_on(whole, files, tmp_path):
    bad = files[17]
    dataset = pydicom.dcmread(bad)
    dataset.NumberOfFrames = 2
    dataset.save_as(bad)
    push(whole.dicom_port, files, tmp_path / "list").finish()
    whole.settle_of(uids(files))
    each_exactly_once(whole, [file for file in files if file != bad])
    assert uid_of(bad) not in whole.handed_off()
    withheld = whole.ledger("SELECT reason FROM shipment_instances WHERE state = 'withheld'")
    assert [row["reason"] for row in withheld] == ["pixels-mismatch"]


def test_a_full_stop_of_everything_in_flight_loses_nothing(whole, files, tmp_path, processors_nar):
    """All three die at once, as in a power cut; then all come back."""
    sending = push(whole.dicom_port, files, tmp_path / "list")
    sending.until(len(files) // 2)
    whole.receiver.kill()
    whole.kill_nifi()
    whole.handoff.kill()
    sending.finish()
    shutil.rmtree(launch.instance_folder(whole.home) / "repositories" / "flowfile", ignore_errors=True)
    whole.handoff.start()
    whole.deploy(processors_nar)
    whole.receiver.start()
    send_rest(whole, sending, files, tmp_path / "rest")
    each_exactly_once(whole, files)
