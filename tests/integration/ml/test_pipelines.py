"""The committed pipelines, run by kfp's own subprocess runner over a small synthetic batch, one after another."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import highdicom as hd
import pytest
import torch

from handoff.contract.batch import InstanceLine, LabelLine
from handoff.contract.environment import PROCESSES
from handoff.contract.result import Result
from ml.errors import DeviceError, EmptyBatchError, PublishedError
from ml.models.checkpoint import load_model, save_model
from ml.models.unet import UNet3D, UNetShape
from ml.pipelines.registry import registry
from ml.preprocessing.spec import Spec, load_spec
from ml.recipes.evaluate import evaluate_and_publish, judge
from ml.recipes.infer import predict
from ml.recipes.outcome import publish
from ml.recipes.ranks import run_ranks
from tests.unit.ml.builders import annotation, ct_series, package, prepared_lines, small_body, write_batch

pytestmark = pytest.mark.integration

KEY = hashlib.sha256(b"a handoff").hexdigest()
SPLITS = {"P1": "train", "P2": "train", "P3": "test"}
LABELS = [
    LabelLine(level="patient", patient="P1", name="smoker", value=True, source="radiology-2026", split="train"),
    LabelLine(
        level="series", patient="P3", study="1.2", series="1.2.3.3", name="grade", value=2, source="b", split="test"
    ),
]
"""No pipeline needs them, and each must read a batch that has some."""
RUNNER = Path(__file__).with_name("pipeline_process.py")


@dataclass(frozen=True)
class Runs:
    """The results of the five pipelines and the batch that they read."""

    folder: Path
    lines: list[InstanceLine]
    batch_uri: str

    def result(self, kind: str) -> Path:
        return self.folder / kind / KEY


def run_pipeline(name: str, folder: Path, processes: int = 1, **arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a committed YAML as a worker does: own process, one thread a core, nothing of the caller's environment."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), "OMP_NUM_THREADS": "2"}
    environment[PROCESSES] = str(processes)
    command = [sys.executable, str(RUNNER), str(registry()[name].yaml), str(folder / "root"), json.dumps(arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)


def make_batch(folder: Path) -> list[InstanceLine]:
    """Three annotated patients, and one series with a missing slice that the gate must reject."""
    lines: list[InstanceLine] = []
    for number, patient in enumerate(SPLITS, start=1):
        volume, truth = small_body(number)
        images = ct_series(volume, series=f"1.2.3.{number}", patient=patient, spacing=(6.0, 5.0, 5.0))
        drawn = annotation(truth, images, uid=f"1.2.4.{number}")
        lines += package(folder / f"images-{number}.zip", images, SPLITS[patient])
        references = [image.SOPInstanceUID for image in images]
        lines += package(folder / f"labels-{number}.zip", [drawn], SPLITS[patient], references)
    broken = ct_series(small_body(9)[0], series="1.2.3.9", patient="P9")
    del broken[5]
    return lines + package(folder / "broken.zip", broken)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """prepare, then train, and all that use the model; each must end well."""
    folder = tmp_path_factory.mktemp("runs")
    lines = make_batch(folder)
    raw = write_batch(folder / "raw.jsonl", [*lines, *LABELS])
    run = Runs(folder, lines, (folder / "prepared.jsonl").as_uri())
    _succeed(run, "prepare", batch_uri=raw)
    write_batch(folder / "prepared.jsonl", [*lines, *LABELS, *prepared_lines(run.result("prepare"), SPLITS)])
    _succeed(run, "train", batch_uri=run.batch_uri, steps=2, seed=1)
    model_uri = (run.result("train") / "model/unet.pt").as_uri()
    _succeed(run, "retrain", batch_uri=run.batch_uri, model_uri=model_uri, steps=1, seed=2)
    _succeed(run, "evaluate", batch_uri=run.batch_uri, model_uri=model_uri)
    _succeed(run, "infer", batch_uri=run.batch_uri, model_uri=model_uri)
    return run


def _succeed(runs: Runs, kind: str, **arguments: object) -> None:
    result_uri = runs.result(kind).as_uri()
    done = run_pipeline(kind, runs.folder, handoff_key=KEY, result_uri=result_uri, **arguments)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def content(runs: Runs, kind: str, name: str = "result.json") -> Any:
    return json.loads((runs.result(kind) / name).read_bytes())


@pytest.mark.parametrize("kind", ["prepare", "train", "retrain", "evaluate", "infer"])
def test_every_result_keeps_the_contract_and_its_digests_can_be_read_again(runs: Runs, kind: str) -> None:
    result = Result.model_validate(content(runs, kind))
    assert (result.kind, result.handoff_key, result.spec_digest) == (kind, KEY, load_spec().digest)
    assert result.files
    for file in result.files:
        data = (runs.result(kind) / file.path).read_bytes()
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (file.sha256, file.size)


def test_a_series_with_a_gap_is_named_with_its_reason_and_the_others_are_prepared(runs: Runs) -> None:
    assert {volume["patient"] for volume in content(runs, "prepare")["volumes"]} == set(SPLITS)
    rejected = content(runs, "prepare", "report.json")["rejected"]
    assert [(entry["series"], entry["reason"]) for entry in rejected] == [("1.2.3.9", "gap")]


def test_training_registers_a_model_that_was_judged_on_the_test_side(runs: Runs) -> None:
    result = content(runs, "train")
    assert result["model"]["file"] == "model/unet.pt"
    assert set(result["model"]["metrics"]) >= {"dice_test", "baseline_dice_test", "test_volumes"}
    assert result["model"]["metrics"]["test_volumes"] == 1


def test_a_registered_model_is_judged_as_its_training_judged_it(runs: Runs) -> None:
    """On the same test side the figures are the very same: one way to measure, whoever asks."""
    trained, evaluated = content(runs, "train")["model"]["metrics"], content(runs, "evaluate")["metrics"]
    assert evaluated == {name: value for name, value in trained.items() if name != "train_volumes"}
    assert content(runs, "evaluate")["model"] is None


def test_no_model_is_judged_on_volumes_that_it_may_have_trained_on(runs: Runs, tmp_path: Path) -> None:
    batch = write_batch(
        tmp_path / "all-train.jsonl", prepared_lines(runs.result("prepare"), dict.fromkeys(SPLITS, "train"))
    )
    with pytest.raises(EmptyBatchError, match="test side"):
        judge(batch, (tmp_path / "result").as_uri(), (runs.result("train") / "model/unet.pt").as_uri(), "ct-body")
    assert not (tmp_path / "result" / "result.json").exists()


def test_retraining_goes_on_from_the_weights_of_the_model(runs: Runs) -> None:
    """One small step away from the trained weights, which are far from new ones."""
    assert content(runs, "retrain", "report.json")["retrained"]
    assert content(runs, "retrain")["model"]["name"] == content(runs, "train")["model"]["name"]
    trained, again = (load_model(runs.result(kind) / "model/unet.pt", load_spec())[0] for kind in ("train", "retrain"))
    torch.manual_seed(1)
    new = UNet3D(UNetShape())
    moved, far = (
        max(float((a - b).detach().abs().max()) for a, b in zip(trained.parameters(), other.parameters(), strict=True))
        for other in (again, new)
    )
    assert 0 < moved < far


def test_two_processes_that_share_the_training_take_the_very_steps_that_one_takes(runs: Runs, tmp_path: Path) -> None:
    """Not two steps each, and not steps on other crops: the losses before each step are the same within rounding."""
    arguments = {
        "batch_uri": runs.batch_uri,
        "handoff_key": KEY,
        "result_uri": tmp_path.as_uri(),
        "steps": 2,
        "seed": 1,
    }
    done = run_pipeline("train", runs.folder, processes=2, **arguments)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    alone, shared = content(runs, "train", "report.json"), json.loads((tmp_path / "report.json").read_bytes())
    assert (alone["processes"], shared["processes"]) == (1, 2)
    assert shared["losses"] == pytest.approx(alone["losses"], abs=2e-3)
    assert json.loads((tmp_path / "result.json").read_bytes())["model"]["file"] == "model/unet.pt"


def test_a_share_of_the_work_that_fails_fails_the_step() -> None:
    with pytest.raises(DeviceError, match="one of the 2 processes"):
        run_ranks("tests.no_such_recipe", {}, 2)


def test_every_segmentation_opens_with_highdicom_and_its_references_resolve(runs: Runs) -> None:
    batch = {line.sop_instance_uid: line for line in runs.lines if not line.annotation}
    files = [file for file in content(runs, "infer")["files"] if file["role"] == "segmentation"]
    assert len(files) == 3
    for file in files:
        segmentation = hd.seg.segread(runs.result("infer") / file["path"])
        uids = [uid for _, _, uid in segmentation.get_source_image_uids()]
        line = batch[uids[0]]
        assert {batch[uid].series for uid in uids} == {line.series}
        assert (segmentation.PatientID, segmentation.StudyInstanceUID) == (line.patient, line.study)
        assert segmentation.SeriesInstanceUID not in {other.series for other in runs.lines}
        assert segmentation.ContentDate == "20200102"
        pixels = segmentation.get_pixels_by_source_instance(uids, ignore_spatial_locations=True)
        assert pixels.shape[:3] == (len(uids), 32, 40)


def test_running_again_before_the_result_is_there_makes_the_same_objects(runs: Runs) -> None:
    result_uri, model_uri = runs.result("infer").as_uri(), (runs.result("train") / "model/unet.pt").as_uri()
    before = content(runs, "infer")
    (runs.result("infer") / "result.json").unlink()
    predict(runs.batch_uri, KEY, result_uri, model_uri, "ct-body")
    publish(result_uri, KEY)
    assert content(runs, "infer") == before


def test_a_second_run_of_a_handoff_leaves_the_first_ones_result_as_it_is(runs: Runs) -> None:
    """An engine may start one twice; the handoff may have believed the first one's files by then."""
    result_uri, model_uri = runs.result("infer").as_uri(), (runs.result("train") / "model/unet.pt").as_uri()
    before = {file: file.read_bytes() for file in runs.result("infer").rglob("*") if file.is_file()}
    with pytest.raises(PublishedError):
        predict(runs.batch_uri, KEY, result_uri, model_uri, "ct-body")
    with pytest.raises(PublishedError):
        publish(result_uri, KEY)
    trained = runs.result("train").as_uri()
    with pytest.raises(PublishedError):
        evaluate_and_publish(runs.batch_uri, KEY, trained, "ct-body")
    assert {file: file.read_bytes() for file in runs.result("infer").rglob("*") if file.is_file()} == before


def test_a_model_of_another_spec_is_refused_and_leaves_no_result(runs: Runs, tmp_path: Path) -> None:
    other = Spec(name="other")
    save_model(tmp_path / "model.pt", UNet3D(UNetShape((8, 8))), other, 0.5)
    done = run_pipeline(
        "infer",
        tmp_path,
        batch_uri=runs.batch_uri,
        handoff_key=KEY,
        result_uri=(tmp_path / "result").as_uri(),
        model_uri=(tmp_path / "model.pt").as_uri(),
    )
    assert done.returncode != 0
    assert "the model was trained on volumes of another spec" in done.stdout + done.stderr
    assert not (tmp_path / "result" / "result.json").exists()
