"""A prepared volume that is read from the handoff, file by file."""

from pathlib import Path

import numpy as np
import pytest
import zarr

from ml.errors import BatchError, HandoffError
from ml.handoff_volume import HandoffVolume
from ml.preprocessing.spec import load_spec
from ml.preprocessing.store import read_volume, write_volume
from tests.unit.ml.test_spec_and_store import golden_volume


class FilesOfFolder:
    """What `HandoffFiles` does, by a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, path: str) -> bytes:
        return (self.folder / path).read_bytes()

    def has(self, path: str) -> bool:
        return (self.folder / path).exists()


class SilentHandoff(FilesOfFolder):
    def read(self, path: str) -> bytes:
        raise HandoffError("the handoff did not answer.")


@pytest.fixture
def written(tmp_path):
    volume = golden_volume(load_spec())
    return volume, write_volume(volume, tmp_path / "v.zarr")


def test_it_is_the_volume_that_was_written(tmp_path, written):
    volume, digest = written
    again = read_volume(HandoffVolume(FilesOfFolder(tmp_path), "v.zarr"), digest)
    assert np.array_equal(again.hounsfield, volume.hounsfield)
    assert again.sop_instance_uids == volume.sop_instance_uids


def test_a_part_of_it_is_that_part(tmp_path, written):
    volume, _ = written
    array = zarr.open_array(store=HandoffVolume(FilesOfFolder(tmp_path), "v.zarr"), mode="r")
    assert np.array_equal(array[1:2, 2:3], volume.hounsfield[1:2, 2:3])


def test_one_that_is_not_there_or_another_one_is_refused(tmp_path, written):
    with pytest.raises(BatchError, match="cannot be read"):
        read_volume(HandoffVolume(FilesOfFolder(tmp_path), "absent.zarr"), written[1])
    with pytest.raises(BatchError, match="digest differs"):
        read_volume(HandoffVolume(FilesOfFolder(tmp_path), "v.zarr"), "0" * 64)


def test_a_handoff_that_does_not_answer_is_no_volume_that_is_missing(tmp_path, written):
    with pytest.raises(HandoffError):
        read_volume(HandoffVolume(SilentHandoff(tmp_path), "v.zarr"), written[1])


def test_nothing_can_be_written_by_it(tmp_path, written):
    array = zarr.open_array(store=HandoffVolume(FilesOfFolder(tmp_path), "v.zarr"), mode="r")
    with pytest.raises(ValueError, match="read-only"):
        array[:] = 0
