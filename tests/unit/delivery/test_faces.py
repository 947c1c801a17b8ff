"""A package is one series: by a profile that removes faces it holds a head without its face, or nothing of it."""

import io
import zipfile
from pathlib import Path

import pytest
from pydicom import dcmread

from processors.deid import Engine
from processors.deid.faces import step
from processors.delivery.worker import work
from tests.standard.corpus import KEY
from tests.unit.deid.faces.builders import COARSE, profile
from tests.unit.deid.faces.phantom import Scan


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("delivery")
    Scan(spacing=COARSE).write(folder)
    return folder


def done(delivery: Path, place: Path, **withheld: str) -> tuple[dict, int]:
    """The answer of a worker, and how often it said that it lives."""
    lives: list[None] = []
    names = sorted(file.name for file in delivery.iterdir())
    job = {
        "shipment": "a" * 32,
        "project": "test",
        "treatment": {},
        "folder": str(delivery),
        "part": str(place / f"{'a' * 32}.1.part"),
        "instances": [
            {"file": name, "uid": f"1.2.{number}", "revision": 1}
            | ({"reason": withheld[name]} if name in withheld else {})
            for number, name in enumerate(names)
        ],
        "give_up_unreadable": False,
    }
    answer = work(job, Engine(profile(place), KEY.project("test")), lambda: lives.append(None))
    return answer, len(lives)


def left(place: Path) -> set[str]:
    return {file.suffix for file in place.iterdir()}


def test_a_package_holds_a_head_without_its_face_and_says_so(delivery: Path, tmp_path: Path) -> None:
    answer, lives = done(delivery, tmp_path)
    count = len(list(delivery.iterdir()))
    assert [reason for _, reason in answer["fates"]] == [None] * count
    assert lives > count, "also while the step looks"
    assert {tuple(each["performed"]) for each in answer["looked"].values()} == {("113102",)}
    with zipfile.ZipFile(tmp_path / f"{'a' * 32}.1.part") as package:
        [name, *_] = [name for name in package.namelist() if name.endswith(".dcm")]
        assert dcmread(io.BytesIO(package.read(name))).RecognizableVisualFeatures == "NO"
    assert left(tmp_path) == {".yaml", ".part"}


def test_a_series_with_a_gap_is_withheld_whole(delivery: Path, tmp_path: Path) -> None:
    """What is withheld for another reason is missing in the volume."""
    middle = sorted(delivery.iterdir(), key=lambda file: dcmread(file).ImagePositionPatient[2])[20].name
    answer, _ = done(delivery, tmp_path, **{middle: "patient-id-junk"})
    assert {file: reason for file, reason in answer["fates"] if reason != "face-not-removed"} == {
        middle: "patient-id-junk"
    }
    assert answer["sha256"] == ""
    assert left(tmp_path) == {".yaml"}


def test_where_the_step_cannot_write_nothing_is_treated(delivery: Path, tmp_path: Path, monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "no space")

    monkeypatch.setattr(step, "_write", full)
    with pytest.raises(OSError, match="no space"):
        done(delivery, tmp_path)
    assert left(tmp_path) == {".yaml"}
