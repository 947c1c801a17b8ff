"""From slices to Hounsfield units in the patient: values, places and canonical order."""

import numpy as np
import pytest

from ml.preprocessing.spec import Spec
from ml.preprocessing.volume import volume_of
from tests.unit.ml.builders import ct_series

NATIVE = Spec(name="native")


def noise(shape: tuple[int, int, int] = (4, 5, 6)) -> np.ndarray:
    return np.random.default_rng(5).integers(-1000, 1500, shape).astype(np.int16)


def test_each_slice_has_its_own_rescale() -> None:
    series = ct_series(noise())
    series[1].RescaleSlope, series[1].RescaleIntercept = 2, -2048
    volume = volume_of(series, NATIVE).volume.hounsfield
    assert np.array_equal(volume[1], noise()[1] * 2)
    assert np.array_equal(volume[0], noise()[0])


def test_signed_pixels_below_zero_stay_below_zero() -> None:
    series = ct_series(noise())
    for dataset, plane in zip(series, noise(), strict=True):
        dataset.PixelRepresentation, dataset.RescaleIntercept = 1, 0
        dataset.PixelData = plane.astype("<i2").tobytes()
    assert np.array_equal(volume_of(series, NATIVE).volume.hounsfield, noise())


@pytest.mark.parametrize("written", [-2000, 63536], ids=["signed", "the same bits unsigned"])
def test_padding_becomes_air_whatever_its_value_representation(written: int) -> None:
    series = ct_series(noise())
    for dataset, plane in zip(series, noise(), strict=True):
        stored = plane.astype("<i2")
        stored[0, 0] = -2000
        dataset.PixelRepresentation, dataset.RescaleIntercept, dataset.PixelData = 1, 0, stored.tobytes()
        dataset.add_new("PixelPaddingValue", "SS" if written < 0 else "US", written)
    volume = volume_of(series, NATIVE).volume.hounsfield
    assert set(volume[:, 0, 0].tolist()) == {-1024}
    assert np.array_equal(volume[:, 1:], noise()[:, 1:])


def test_monochrome1_keeps_hounsfield_units_and_turns_values_without_rescale() -> None:
    """PS3.3 C.7.6.3.1.2: MONOCHROME1 says how values are displayed; HU are HU."""
    series = ct_series(noise())
    for dataset in series:
        dataset.PhotometricInterpretation = "MONOCHROME1"
    assert np.array_equal(volume_of(series, NATIVE).volume.hounsfield, noise())
    for dataset in series:
        del dataset.RescaleSlope, dataset.RescaleIntercept
        dataset.BitsStored, dataset.HighBit = 12, 11
        dataset.PixelData = np.full((5, 6), 95, "<u2").tobytes()
    assert set(volume_of(series, NATIVE).volume.hounsfield.ravel().tolist()) == {4000}


def test_the_affine_puts_every_voxel_where_its_slice_says() -> None:
    series = ct_series(noise())
    volume = volume_of(series, NATIVE).volume
    for index, dataset in enumerate(series):
        x, y, z = dataset.ImagePositionPatient
        # Row 2, column 3 at 2 mm spacing; RAS turns the first two signs.
        assert volume.source.affine @ [index, 2, 3, 1] == pytest.approx([-(x + 6), -(y + 4), z, 1])


@pytest.mark.parametrize(
    "orientation",
    [
        (1, 0, 0, 0, 1, 0),
        (-1, 0, 0, 0, -1, 0),
        (1, 0, 0, 0, 0, -1),
        (0, 1, 0, 0, 0, -1),
        (0, 1, 0, 1, 0, 0),
    ],
    ids=["axial", "prone", "coronal", "sagittal", "axial transposed"],
)
def test_a_place_in_the_patient_is_at_one_array_side_whatever_plane_was_acquired(orientation: tuple[int, ...]) -> None:
    """A spot to the patient's left, back and head has the largest canonical index along each axis."""
    blank = np.zeros((5, 5, 5), dtype=np.int16)
    grid = volume_of(ct_series(blank, spacing=(2, 2, 2), orientation=orientation), NATIVE).volume.source
    corners = [(i, j, k) for i in (0, 4) for j in (0, 4) for k in (0, 4)]
    # RAS: left is -R, back is -A, head is +S.
    far = max(corners, key=lambda corner: float((grid.affine @ [*corner, 1])[:3] @ [-1, -1, 1]))
    blank[far] = 500
    volume = volume_of(ct_series(blank, spacing=(2, 2, 2), orientation=orientation), NATIVE).volume
    assert volume.hounsfield[4, 4, 4] == 500
    assert np.sign(np.diag(volume.grid.affine[:3, :3][[2, 1, 0]])) == pytest.approx([1, -1, -1])


def test_resampling_keeps_a_spot_at_its_place_in_the_patient() -> None:
    blank = np.full((12, 20, 20), -1000, dtype=np.int16)
    blank[6:8, 9:13, 4:8] = 1000
    spec = Spec(name="fine", spacing_mm=(3.0, 3.0, 3.0))
    volume = volume_of(ct_series(blank), spec).volume

    def centre(values: np.ndarray, affine: np.ndarray) -> np.ndarray:
        weights = values.astype(float) + 1000
        index = [float((np.indices(values.shape)[axis] * weights).sum() / weights.sum()) for axis in range(3)]
        return (affine @ [*index, 1])[:3]

    assert volume.grid.spacing == pytest.approx((3, 3, 3))
    assert centre(volume.hounsfield, volume.grid.affine) == pytest.approx(centre(blank, volume.source.affine), abs=0.1)
