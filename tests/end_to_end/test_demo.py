"""The demo as a user runs it: real NiFi, a sender that is not ours, a model that is worth having, counts that close."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(1500)]

DEMO = [sys.executable, "-m", "sluice", "demo"]


@dataclass(frozen=True)
class Played:
    """One demo that has ended."""

    code: int
    said: str
    outcome: dict[str, Any]
    home: Path


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [*DEMO, "--home", str(folder / "home"), "--json", str(folder / "outcome.json")],
        capture_output=True,
        text=True,
        timeout=1400,
        check=False,
    )
    assert (folder / "outcome.json").exists(), done.stdout + done.stderr
    outcome = json.loads((folder / "outcome.json").read_text())
    return Played(done.returncode, done.stdout, outcome, Path(outcome["home"]))


def _of_home(home: Path) -> Iterator[str]:
    """Command lines of processes that work in a home."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            folder = str((entry / "cwd").readlink())
        except OSError:
            continue
        if str(home) in words or folder.startswith(str(home)):
            yield words


def test_it_succeeds_and_says_so(played: Played) -> None:
    assert played.outcome["faults"] == []
    assert played.code == 0, played.said
    assert "The demo succeeded" in played.said


def test_every_instance_that_was_sent_ended_in_exactly_one_place(played: Played) -> None:
    found = played.outcome
    ends = ("handed_off", "withheld", "held", "duplicates", "variants", "unmatched")
    assert found["sent"] == found["acknowledged"] + found["refused"]
    assert found["acknowledged"] == sum(found[end] for end in ends)
    assert found["elsewhere"] == 0


def test_the_scanner_files_end_in_many_ways_each_with_a_reason(played: Played) -> None:
    found = played.outcome
    for end in ("unsent", "refused", "handed_off", "withheld", "held", "duplicates", "unmatched"):
        assert found[end] > 0, end
    for end in ("unsent", "refused", "withheld", "held"):
        assert sum(found["reasons"][end].values()) == found[end]


def test_each_kind_of_run_succeeded(played: Played) -> None:
    runs = [(run["kind"], run["state"]) for run in played.outcome["runs"]]
    assert runs == [(kind, "SUCCEEDED") for kind in ("prepare", "train", "prepare", "infer")]


def test_the_model_finds_what_no_threshold_can_in_patients_it_never_saw(played: Played) -> None:
    found = played.outcome
    assert found["dice"] >= 0.6
    assert found["dice"] >= found["threshold_dice"] + 0.2
    assert len(found["dice_of_patients"]) == 3
    assert Path(found["picture"]).read_bytes().startswith(b"\x89PNG")


def test_every_segmentation_is_back_in_the_pacs_and_as_good_as_it_was_made(played: Played) -> None:
    found = played.outcome
    assert found["returned"] == len(found["segmentations"]) >= 3
    assert found["returned_dice"] == pytest.approx(found["dice"], abs=1e-6)


def test_the_release_was_deployed_from_the_registry_whole(played: Played) -> None:
    published = played.outcome["registry"]
    assert (published["version"], published["restored"]) == (1, True)
    assert len(published["lost"]) > 0


def test_no_identifying_value_is_found_outside_the_trusted_side(played: Played) -> None:
    assert played.outcome["identifying_values_found"] == 0


def test_one_slice_is_traced_from_its_association_to_its_segmentation(played: Played) -> None:
    kinds = [node["kind"] for node in played.outcome["trace"]["nodes"]]
    for kind in ("association", "delivery", "shipment", "instance", "batch", "handoff", "file"):
        assert kind in kinds


def test_its_home_can_be_traced_and_reconciled_when_all_is_over(played: Played) -> None:
    model = next(run["model"] for run in played.outcome["runs"] if run["kind"] == "train")
    command = [sys.executable, "-m", "sluice", "trace", model, "--json", "--home", str(played.home)]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert sum(node["kind"] == "association" for node in told["nodes"]) == 10
    command = [sys.executable, "-m", "sluice", "ledger", "reconcile", "--home", str(played.home)]
    subprocess.run(command, capture_output=True, check=True)


def test_nothing_is_left_running(played: Played) -> None:
    assert list(_of_home(played.home)) == []


def test_ctrl_c_ends_every_process(tmp_path: Path) -> None:
    with (tmp_path / "said").open("w") as said:
        process = subprocess.Popen(
            [*DEMO, "--home", str(tmp_path / "home")], stdout=said, stderr=said, start_new_session=True
        )
    deadline = time.monotonic() + 600
    while "Push over DICOM" not in (tmp_path / "said").read_text():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert len(list(_of_home(tmp_path / "home"))) >= 3
    os.kill(process.pid, signal.SIGINT)
    assert process.wait(300) == 130
    assert list(_of_home(tmp_path / "home")) == []


def test_a_folder_without_files_is_one_line_and_exit_2(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = subprocess.run(
        [*DEMO, "--study", str(tmp_path / "empty"), "--home", str(tmp_path / "home")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("sluice: ")
    assert done.stderr.count("\n") == 1
