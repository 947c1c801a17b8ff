"""The spec's digest, the golden vector that guards it, and volumes that are known by what they decode to."""

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest

from ml.errors import BatchError, SpecError
from ml.preprocessing.body import body_coordinates
from ml.preprocessing.spec import IMPLEMENTATION_VERSION, Spec, load_spec, parse_spec
from ml.preprocessing.store import read_volume, volume_digest, write_volume
from ml.preprocessing.volume import Volume, volume_of
from tests.unit.ml.builders import ct_series

GOLDEN = {
    # implementation version: (digest of the default spec, of the golden volume, of its model input)
    1: (
        "5b4dbf59b0e43dfb80beab5fb8e8b0d45a83aed1b845405c871c55c1443a78e8",
        "517fe8e020002de51bd297a1bfa9c732e3b33273ffdd9eb93239e9bf3480bf36",
        "16d5beb7a7e70832ec5e292afc584da7cee9495c7b29bd43cdbe0d39ae44b655",
    ),
}


def golden_volume(spec: Spec) -> Volume:
    """A sagittal series of integers that no library's random numbers can change, on the spec's grid."""
    i, j, k = np.indices((9, 21, 17))
    values = ((i * 7919 + j * 104729 + k * 1299709) % 3001 - 1000).astype(np.int16)
    series = ct_series(values, spacing=(4.1, 2.3, 1.9), orientation=(0, 1, 0, 0, 0, -1))
    return volume_of(series, spec).volume


def test_output_does_not_change_under_an_old_implementation_version() -> None:
    """When this fails: raise IMPLEMENTATION_VERSION and the specs' `implementation`, and add a row to GOLDEN."""
    spec = load_spec()
    volume = golden_volume(spec)
    density = spec.normalise(volume.hounsfield)
    coordinates = body_coordinates(volume.hounsfield, spec.body_hu)
    # Rounded, since the last bit of a float32 may differ between machines.
    inputs = np.round(np.concatenate([density[None], coordinates]) * 4096).astype("<i4")
    digests = (spec.digest, volume_digest(volume), hashlib.sha256(inputs.tobytes()).hexdigest())
    assert digests == GOLDEN[IMPLEMENTATION_VERSION]


def test_any_change_of_a_spec_changes_its_digest() -> None:
    spec = load_spec()
    changes = [{"spacing_mm": (3.5, 3.5, 3.6)}, {"hu_window": (-1000, 401)}, {"implementation": 2}, {"body_hu": -301}]
    digests = {spec.digest, *(Spec(**(spec.model_dump(by_alias=True) | change)).digest for change in changes)}
    assert len(digests) == 5


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "name: x\nhu_window: [5, 5]",
        "name: x\nunknown: 1",
        "name: x\nmodality: MR",
        "name: x\nimplementation: 99",
        ":",
    ],
)
def test_a_malformed_spec_or_one_of_another_implementation_is_refused(text: str) -> None:
    with pytest.raises(SpecError):
        parse_spec(text)


@pytest.mark.parametrize("name", ["absent", "../errors", "/etc/passwd"])
def test_a_spec_name_leads_nowhere_but_to_the_committed_specs(name: str) -> None:
    with pytest.raises(SpecError):
        load_spec(name)


def test_a_volume_reads_back_as_it_was_written(tmp_path: Path) -> None:
    volume = golden_volume(load_spec())
    digest = write_volume(volume, tmp_path / "v.zarr")
    again = read_volume(tmp_path / "v.zarr", digest)
    assert np.array_equal(again.hounsfield, volume.hounsfield)
    assert np.array_equal(again.grid.affine, volume.grid.affine)
    assert np.array_equal(again.source.affine, volume.source.affine)
    assert (again.source.shape, again.sop_instance_uids) == (volume.source.shape, volume.sop_instance_uids)
    assert again.spec_digest == volume.spec_digest


def test_a_volume_larger_than_a_shard_reads_back(tmp_path: Path) -> None:
    small = golden_volume(Spec(name="native"))
    tall = np.tile(small.hounsfield, (300 // small.grid.shape[0] + 1, 1, 1))
    grid = dataclasses.replace(small.grid, shape=tall.shape)
    volume = dataclasses.replace(small, hounsfield=tall, grid=grid)
    assert np.array_equal(read_volume(tmp_path / "v.zarr", write_volume(volume, tmp_path / "v.zarr")).hounsfield, tall)


def test_the_digest_sees_one_voxel_the_place_and_the_shape_but_not_the_encoding(tmp_path: Path) -> None:
    volume = golden_volume(load_spec())
    digest = write_volume(volume, tmp_path / "v.zarr")
    voxel = volume.hounsfield.copy()
    voxel[1, 2, 3] += 1
    moved = volume.grid.affine.copy()
    moved[0, 3] += 0.001
    turned = volume.hounsfield.transpose(0, 2, 1).copy()
    assert digest != volume_digest(dataclasses.replace(volume, hounsfield=voxel))
    assert digest != volume_digest(dataclasses.replace(volume, grid=dataclasses.replace(volume.grid, affine=moved)))
    assert digest != volume_digest(
        dataclasses.replace(volume, hounsfield=turned, grid=dataclasses.replace(volume.grid, shape=turned.shape))
    )
    assert digest == volume_digest(dataclasses.replace(volume, hounsfield=volume.hounsfield.astype(">i2")))


def test_a_volume_that_is_not_the_one_named_is_refused(tmp_path: Path) -> None:
    write_volume(golden_volume(load_spec()), tmp_path / "v.zarr")
    with pytest.raises(BatchError, match="digest differs"):
        read_volume(tmp_path / "v.zarr", "0" * 64)


def test_a_damaged_or_absent_volume_is_refused(tmp_path: Path) -> None:
    digest = write_volume(golden_volume(load_spec()), tmp_path / "v.zarr")
    with pytest.raises(BatchError, match="cannot be read"):
        read_volume(tmp_path / "absent.zarr", digest)
    for chunk in (tmp_path / "v.zarr" / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(chunk.read_bytes()[:-40])
    with pytest.raises(BatchError):
        read_volume(tmp_path / "v.zarr", digest)


def test_body_coordinates_follow_the_body_and_not_the_array() -> None:
    values = np.full((3, 30, 40), -1000, dtype=np.int16)
    values[:, 4:14, 20:36] = 40
    back, left = body_coordinates(values, -300)
    assert back[0, 8, 0] == pytest.approx(0, abs=0.15)
    assert left[0, 0, 28] == pytest.approx(0, abs=0.15)
    assert left[0, 0, 20] == pytest.approx(-1, abs=0.2)
    moved_back, moved_left = body_coordinates(np.roll(values, (5, -9), axis=(1, 2)), -300)
    assert np.allclose(np.roll(back, 5, axis=1)[:, 6:], moved_back[:, 6:])
    assert np.allclose(np.roll(left, -9, axis=2)[:, :, :30], moved_left[:, :, :30])


def test_a_volume_without_a_body_has_no_places() -> None:
    assert not body_coordinates(np.full((2, 3, 4), -1000, dtype=np.int16), -300).any()
