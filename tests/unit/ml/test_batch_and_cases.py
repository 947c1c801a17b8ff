"""What a batch says is checked against what is there, and labels join volumes by references alone."""

from pathlib import Path

import numpy as np
import pytest

from handoff.contract.batch import InstanceLine, LabelLine, VolumeLine
from ml.datasets.batch import Batch, load_batch, read_datasets
from ml.datasets.cases import cases_of, check_split
from ml.errors import BatchError, SpecError
from ml.files import path_of
from ml.preprocessing.spec import Spec
from ml.preprocessing.store import write_volume
from ml.preprocessing.volume import volume_of
from tests.unit.ml.builders import annotation, ct_series, package, small_body, write_batch

NATIVE = Spec(name="native")


def make_batch(folder: Path, patients: int = 2) -> tuple[Batch, dict[str, np.ndarray]]:
    """Patients P1, P2, ... each with a volume and an annotation, lines in reverse order; and the truths by series."""
    lines: list[InstanceLine | VolumeLine] = []
    truths = {}
    for number in range(1, patients + 1):
        values, truth = small_body(number)
        images = ct_series(values, series=f"1.2.3.{number}", patient=f"P{number}")
        volume = volume_of(images, NATIVE).volume
        path = folder / f"{number}.zarr"
        drawn = annotation(truth, images, uid=f"1.2.4.{number}")
        lines += package(folder / f"i{number}.zip", images)
        lines += package(folder / f"s{number}.zip", [drawn], references=[image.SOPInstanceUID for image in images])
        lines.append(
            VolumeLine(
                uri=path.as_uri(),
                digest=write_volume(volume, path),
                spec_digest=NATIVE.digest,
                patient=f"P{number}",
                study="1.2",
                series=f"1.2.3.{number}",
                split="train",
            )
        )
        truths[f"1.2.3.{number}"] = truth
    return load_batch(write_batch(folder / "batch.jsonl", reversed(lines))), truths


def test_labels_join_their_volumes_by_reference_whatever_the_order_of_lines(tmp_path: Path) -> None:
    batch, truths = make_batch(tmp_path)
    cases = list(cases_of(batch, NATIVE))
    assert {case.line.series for case in cases} == set(truths)
    for case in cases:
        assert np.array_equal(case.truth, truths[case.line.series])


def test_a_volume_without_an_annotation_has_no_truth(tmp_path: Path) -> None:
    batch, _ = make_batch(tmp_path)
    alone = Batch(batch.images, (), batch.volumes)
    assert [case.truth for case in cases_of(alone, NATIVE)] == [None, None]


def test_a_batch_of_another_spec_is_refused(tmp_path: Path) -> None:
    batch, _ = make_batch(tmp_path, patients=1)
    with pytest.raises(SpecError):
        next(cases_of(batch, Spec(name="other")))


def test_a_volume_that_hides_another_spec_behind_its_line_is_refused(tmp_path: Path) -> None:
    batch, _ = make_batch(tmp_path, patients=1)
    other = Spec(name="other")
    lied = tuple(line.model_copy(update={"spec_digest": other.digest}) for line in batch.volumes)
    with pytest.raises(SpecError):
        next(cases_of(Batch(batch.images, batch.annotations, lied), other))


def test_a_batch_that_was_never_prepared_is_refused(tmp_path: Path) -> None:
    batch, _ = make_batch(tmp_path, patients=1)
    with pytest.raises(BatchError):
        next(cases_of(Batch(batch.images, batch.annotations, ()), NATIVE))


def test_one_patient_on_both_sides_of_the_split_is_refused(tmp_path: Path) -> None:
    batch, _ = make_batch(tmp_path, patients=1)
    line = batch.volumes[0]
    with pytest.raises(BatchError):
        check_split([line, line.model_copy(update={"split": "test"})])


def test_only_the_asked_side_of_the_split_is_read(tmp_path: Path) -> None:
    batch, _ = make_batch(tmp_path, patients=1)
    assert list(cases_of(batch, NATIVE, split="test")) == []


@pytest.mark.parametrize("damage", ["digest", "member", "package"])
def test_an_instance_that_is_not_the_one_named_is_refused(tmp_path: Path, damage: str) -> None:
    batch, _ = make_batch(tmp_path, patients=1)
    wrong = {"digest": "0" * 64, "member": "instances/1.dcm", "package": (tmp_path / "absent.zip").as_uri()}
    line = batch.images[0].model_copy(update={damage: wrong[damage]})
    with pytest.raises(BatchError):
        list(read_datasets([line]))


@pytest.mark.parametrize("uri", ["http://127.0.0.1/x", "file://elsewhere/x", "/tmp/x"])
def test_only_files_of_this_machine_are_read(uri: str) -> None:
    with pytest.raises(BatchError):
        path_of(uri)


def test_a_line_that_breaks_the_contract_is_refused_without_repeating_it(tmp_path: Path) -> None:
    (tmp_path / "batch.jsonl").write_text('{"kind": "instance", "patient": "Doe^John"}\n')
    with pytest.raises(BatchError) as caught:
        load_batch((tmp_path / "batch.jsonl").as_uri())
    assert "Doe" not in str(caught.value)


def label(level: str, patient: str = "P1", source: str = "radiology-2026", **changes: object) -> LabelLine:
    """A label of the first patient's volume, or of what `changes` name."""
    places = {"study": "1.2", "series": "1.2.3.1", "sop_instance_uid": "1.2.3.1.2"}
    depth = ("patient", "study", "series", "instance").index(level)
    facts = {"level": level, "patient": patient, "name": "grade", "value": depth, "source": source, "split": "train"}
    return LabelLine.model_validate({**facts, **dict(list(places.items())[:depth]), **changes})


def test_a_case_has_the_labels_of_its_patient_study_series_and_slices_with_their_source(tmp_path: Path) -> None:
    batch, _ = make_batch(tmp_path)
    levels = ("patient", "study", "series", "instance")
    others = [label("patient", "P3"), label("series", series="1.2.3.9"), label("study", "P2", value="benign")]
    lines = [*batch.images, *batch.annotations, *map(label, levels), *others, *batch.volumes]
    loaded = load_batch(write_batch(tmp_path / "labelled.jsonl", lines))
    labels = {case.line.patient: case.labels for case in cases_of(loaded, NATIVE)}
    assert [(line.level, line.value, line.source) for line in labels["P1"]] == [
        (level, depth, "radiology-2026") for depth, level in enumerate(levels)
    ]
    assert [line.value for line in labels["P2"]] == ["benign"], "both patients' volumes say study 1.2"


def test_a_batch_without_labels_makes_cases_without_labels(tmp_path: Path) -> None:
    batch, _ = make_batch(tmp_path, patients=1)
    assert [case.labels for case in cases_of(batch, NATIVE)] == [()]
