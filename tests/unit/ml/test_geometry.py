"""The geometry gate. A naive loader (file order, mean distance) is shown to fail where the gate does not."""

import contextlib
import itertools
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset

from ml.errors import SeriesError
from ml.preprocessing.geometry import gate
from ml.preprocessing.reasons import SERIES_REASONS
from ml.preprocessing.slices import as_slice, read_dataset
from ml.preprocessing.spec import Spec
from ml.preprocessing.volume import volume_of
from tests.unit.ml.builders import ct_series

NATIVE = Spec(name="native")


def ramp(slices: int = 6) -> np.ndarray:
    """Each slice has its own value, so that an order can be read off the pixels."""
    return np.broadcast_to(np.arange(slices, dtype=np.int16)[:, None, None] * 10, (slices, 5, 4)).copy()


def naive_volume(datasets: list[Dataset]) -> np.ndarray:
    """What many loaders do: sort by InstanceNumber and stack."""
    ordered = sorted(datasets, key=lambda dataset: int(dataset.InstanceNumber))
    return np.stack([dataset.pixel_array.astype(np.int16) - 1024 for dataset in ordered])


def naive_spacing(datasets: list[Dataset]) -> float:
    """What many loaders do: total height over the number of steps; a gap only stretches it."""
    heights = sorted(float(dataset.ImagePositionPatient[2]) for dataset in datasets)
    return (heights[-1] - heights[0]) / (len(heights) - 1)


def reason_of(datasets: list[Dataset], spec: Spec = NATIVE) -> str:
    with pytest.raises(SeriesError) as caught:
        volume_of(datasets, spec)
    return caught.value.reason


def test_slices_are_ordered_by_their_place_and_never_by_instance_number() -> None:
    series = ct_series(ramp())
    shuffled = [series[index] for index in (3, 0, 5, 1, 4, 2)]
    volume = volume_of(shuffled, NATIVE).volume
    assert np.array_equal(volume.hounsfield, ramp())
    assert not np.array_equal(naive_volume(shuffled), ramp())
    assert volume.sop_instance_uids == tuple(dataset.SOPInstanceUID for dataset in series)


def test_every_order_of_arrival_gives_the_same_volume() -> None:
    series = ct_series(ramp(4))
    for order in itertools.permutations(range(4)):
        ordered = gate([as_slice(series[index], "CT") for index in order])
        assert ordered.sop_instance_uids == tuple(dataset.SOPInstanceUID for dataset in series)


def test_a_missing_slice_is_a_gap_and_not_a_wider_spacing() -> None:
    series = ct_series(ramp(40))
    del series[20]
    assert naive_spacing(series) == pytest.approx(5.0, rel=0.03)
    assert reason_of(series) == "gap"


def test_a_slice_that_is_one_percent_out_of_place_is_a_gap() -> None:
    series = ct_series(ramp())
    series[2].ImagePositionPatient[2] += 0.05
    assert reason_of(series) == "gap"


def test_a_slice_that_is_a_little_out_of_place_passes() -> None:
    series = ct_series(ramp())
    series[2].ImagePositionPatient[2] += 0.02
    assert volume_of(series, NATIVE).volume.grid.shape == (6, 5, 4)


def test_a_tilted_gantry_is_rejected_though_its_distances_are_regular() -> None:
    tilted = ct_series(ramp(), step=(0.0, 5.0 * np.tan(np.radians(1)), 5.0))
    assert reason_of(tilted) == "gantry-tilt"
    upright = ct_series(ramp(), step=(0.0, 5.0 * np.tan(np.radians(0.3)), 5.0))
    assert volume_of(upright, NATIVE).volume.grid.shape == (6, 5, 4)


def change(keyword: str, value: object, index: int = 2):
    """A damage: one attribute of one slice."""

    def damage(series: list[Dataset]) -> None:
        setattr(series[index], keyword, value)

    return damage


def change_all(keyword: str, value: object):
    """A damage: one attribute of all slices."""

    def damage(series: list[Dataset]) -> None:
        for dataset in series:
            setattr(dataset, keyword, value)

    return damage


def drop(keyword: str):
    """A damage: one attribute absent from one slice."""

    def damage(series: list[Dataset]) -> None:
        delattr(series[2], keyword)

    return damage


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (change("SeriesInstanceUID", "1.2.9"), "mixed-series"),
        (change("FrameOfReferenceUID", "1.2.9"), "mixed-frame-of-reference"),
        (change("ImageOrientationPatient", [1, 0.0002, 0, 0, 1, 0]), "mixed-orientation"),
        (change("PixelSpacing", [2.0, 2.01]), "mixed-spacing"),
        (change("Rows", 4), "mixed-size"),
        (change_all("ImageOrientationPatient", [1, 0, 0, 0.1, 1, 0]), "not-orthonormal"),
        (change("SOPInstanceUID", "1.2.3.1.1"), "duplicate-instance"),
        (change("ImagePositionPatient", [-40, -50, 10]), "duplicate-position"),
        (change_all("Modality", "MR"), "modality"),
        (change_all("ImageType", ["ORIGINAL", "PRIMARY", "LOCALIZER"]), "localizer"),
        (change_all("ImageType", ["DERIVED", "PRIMARY", "MPR"]), "derived"),
        (change_all("ImageType", ["ORIGINAL", "SECONDARY"]), "derived"),
        (change("PhotometricInterpretation", "RGB"), "photometric"),
        (change("NumberOfFrames", 2), "multi-frame"),
        (change("ImagePositionPatient", None), "no-geometry"),
        (drop("ImageOrientationPatient"), "no-geometry"),
        (drop("FrameOfReferenceUID"), "no-geometry"),
        (change("PixelSpacing", [0, 2]), "no-geometry"),
        (change("PixelData", b"\0\0"), "undecodable"),
        (change("RescaleSlope", 1000), "range"),
        (lambda series: series.__delitem__(slice(2, None)), "too-few-slices"),
        (lambda series: series.clear(), "no-image"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_defect_has_its_own_reason(damage, reason: str) -> None:
    series = ct_series(ramp())
    damage(series)
    assert reason_of(series) == reason


def test_a_localizer_among_slices_is_set_aside_and_counted() -> None:
    series = ct_series(ramp(7))
    series[6].ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    prepared = volume_of(series, NATIVE)
    assert prepared.volume.grid.shape[0] == 6
    assert prepared.set_aside == {"localizer": 1}


def test_oblique_axes_that_belong_to_no_patient_axis_are_rejected() -> None:
    half = 2**-0.5
    assert reason_of(ct_series(ramp(), orientation=(half, half, 0, -half, half, 0))) == "oblique"


@pytest.mark.filterwarnings("ignore")  # pydicom warns of what is wrong in these files, and much is
def test_real_files_give_a_volume_or_a_typed_rejection_and_nothing_else() -> None:
    """Every file in pydicom's wheel, each as a series of its own; the reasons are all known."""
    files = [path for path in (Path(pydicom.__file__).parent / "data/test_files").rglob("*") if path.is_file()]
    reasons = set()
    for file in files:
        with contextlib.suppress(SeriesError):
            dataset = read_dataset(file.read_bytes())
            try:
                volume_of([dataset], NATIVE)
            except SeriesError as rejection:
                reasons.add(rejection.reason)
    assert len(files) > 50
    assert reasons <= set(SERIES_REASONS)
    assert {"no-image", "modality", "too-few-slices", "multi-frame"} & reasons
