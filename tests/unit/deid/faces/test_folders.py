"""Folders of series: `sluice deid deface` alone, and `sluice deid apply` by a profile that removes faces."""

import json

import pytest
from click.testing import CliRunner
from pydicom import dcmread

from processors.deid.commands import deid
from processors.deid.faces import step
from processors.deid.keys import KeyFile
from tests.unit.deid.faces.builders import COARSE, profile
from tests.unit.deid.faces.phantom import Scan, chest

CHEST = Scan(shape=chest, extent=((-170, 170), (-112, 112), (-60, 60)), spacing=(6.0, 8.0, 8.0))


def of_series(uid: str, part: str):
    def change(made, _):
        made.SeriesInstanceUID, made.BodyPartExamined = uid, part
        made.SOPInstanceUID = f"{uid}.{made.InstanceNumber}"

    return change


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """A head, a chest, and the first slices of a head."""
    folder = tmp_path_factory.mktemp("study")
    Scan(spacing=COARSE).write(folder / "head", change=of_series("1.2.3.1", "HEAD"))
    CHEST.write(folder / "chest", change=of_series("1.2.3.2", "CHEST"))

    def few(made, number):
        of_series("1.2.3.3", "HEAD")(made, number)
        return number < 5

    Scan(spacing=(6.0, 8.0, 8.0)).write(folder / "part", change=few)
    (folder / "notes.txt").write_text("no DICOM")
    return folder


def run(*arguments) -> dict:
    done = CliRunner().invoke(deid, [str(each) for each in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout.splitlines()[-1])


def names(folder) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def test_series_pass_whole_or_not_at_all_and_the_report_says_why(study, tmp_path) -> None:
    out, report, pictures = tmp_path / "out", tmp_path / "report.jsonl", tmp_path / "pictures"
    told = run("deface", study, "--out", out, "--report", report, "--pictures", pictures)
    assert told == {"series": 3, "verdicts": {"defaced": 1, "not-a-head": 1, "too-few-slices": 1}}
    assert names(out) == {name for name in names(study) if name.startswith(("head/", "chest/"))}
    lines = {line["verdict"]: line for line in map(json.loads, report.read_text().splitlines())}
    assert set(lines["too-few-slices"]["files"]) == {name for name in names(study) if name.startswith("part/")}
    assert 0 < lines["defaced"]["changed_share"] < 0.5
    assert lines["defaced"]["distance_to_cavity_mm"] > 4
    assert names(pictures) == {lines["defaced"]["picture"]}
    private = [report, *pictures.iterdir(), *(file for file in out.rglob("*.dcm"))]
    assert {file.stat().st_mode & 0o777 for file in private} == {0o600}
    for name in names(study / "chest"):
        assert (out / "chest" / name).read_bytes() == (study / "chest" / name).read_bytes()
    assert not any(word in report.read_text() for word in ("Holzmann", "MRN", "1.2.3"))


def test_what_is_no_head_is_left_out_on_demand_and_earlier_output_goes(study, tmp_path) -> None:
    for folder in (tmp_path / "out" / "chest", tmp_path / "out" / "part"):
        folder.mkdir(parents=True)
        for file in (study / folder.name).iterdir():
            (folder / file.name).write_bytes(b"earlier")
    run("deface", study, "--out", tmp_path / "out", "--heads-only")
    assert names(tmp_path / "out") == {f"head/{name}" for name in names(study / "head")}


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.faults)])
def test_a_profile_removes_faces_before_all_else(study, tmp_path, monkeypatch, workers: int) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "staging"))
    (tmp_path / "staging").mkdir()
    KeyFile.create(tmp_path / "site.key")
    profile(tmp_path)
    given = ("--key-file", tmp_path / "site.key", "--profile", tmp_path / "without-faces.yaml", "--workers", workers)
    told = run("apply", study, tmp_path / "out", *given)
    heads, chests, parts = (len(names(study / folder)) for folder in ("head", "chest", "part"))
    assert told["passed"] == heads + chests
    assert told["quarantined"] == {"face-not-removed": parts, "not-dicom": 1}
    assert not list((tmp_path / "staging").iterdir())
    for folder, marked in (("head", True), ("chest", False)):
        made = [dcmread(file) for file in (tmp_path / "out" / folder).iterdir()]
        assert {"113102" in {item.CodeValue for item in each.DeidentificationMethodCodeSequence} for each in made} == {
            marked
        }
        assert {each.get("RecognizableVisualFeatures") for each in made} == {"NO" if marked else None}
    before = {name: dcmread(study / "head" / name).pixel_array for name in names(study / "head")}
    after = {name: dcmread(tmp_path / "out" / "head" / name).pixel_array for name in before}
    assert sum((before[name] != after[name]).sum() for name in before) > 10_000


def test_a_step_that_fails_passes_nothing(study, tmp_path, monkeypatch) -> None:
    def fails(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(step, "volume_of", fails)
    told = run("deface", study, "--out", tmp_path / "out")
    assert told["verdicts"] == {"step-failed": 3}
    assert not names(tmp_path / "out")
