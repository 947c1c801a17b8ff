"""The SEG that inference writes: whose it is, what it references, and what it does not tell."""

import numpy as np
import pytest
from pydicom import Dataset

from ml.inference.segmentation import derived_uid, part10_bytes, segmentation_of
from ml.preprocessing.labels import mask_of
from ml.preprocessing.slices import read_dataset
from ml.preprocessing.spec import Spec
from ml.preprocessing.volume import volume_of
from tests.unit.ml.builders import ct_series, small_body

KEY = "ab" * 32


def make(
    mask: np.ndarray | None = None, images: list[Dataset] | None = None
) -> tuple[Dataset, list[Dataset], np.ndarray]:
    values, truth = small_body(1)
    images = images or ct_series(values)
    mask = truth if mask is None else mask
    return read_dataset(part10_bytes(segmentation_of(mask, images, KEY, "unet"))), images, mask


def test_a_segmentation_read_back_is_the_mask_that_was_found() -> None:
    segmentation, images, mask = make()
    assert np.array_equal(mask_of(segmentation, volume_of(images, Spec(name="native")).volume), mask)


def test_it_belongs_to_the_patient_study_and_frame_of_reference_of_its_source() -> None:
    segmentation, images, _ = make()
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "FrameOfReferenceUID", "StudyDate"):
        assert segmentation[keyword].value == images[0][keyword].value
    assert segmentation.SeriesInstanceUID != images[0].SeriesInstanceUID


def test_finding_nothing_is_a_valid_segmentation_of_nothing() -> None:
    _, images, mask = make()
    segmentation, _, _ = make(np.zeros_like(mask), images)
    assert not segmentation.pixel_array.any()


def test_no_date_of_the_run_stands_in_it() -> None:
    """The source's dates are shifted; the day of the run beside them would tell by how much."""
    segmentation, _, _ = make()
    dates = {str(element.value) for element in segmentation.iterall() if element.VR in {"DA", "DT"} and element.value}
    assert dates == {"20200102"}


def test_the_same_handoff_makes_the_same_bytes_and_another_makes_other_uids() -> None:
    values, truth = small_body(1)
    first, again = (part10_bytes(segmentation_of(truth, ct_series(values), KEY, "unet")) for _ in range(2))
    other = segmentation_of(truth, ct_series(values), "cd" * 32, "unet")
    assert first == again
    assert other.SOPInstanceUID != read_dataset(first).SOPInstanceUID
    assert len(derived_uid(KEY, "1.2", "instance")) <= 64


@pytest.mark.parametrize("keyword", ["StudyID", "AccessionNumber", "PatientBirthDate", "StudyDate", "StudyTime"])
def test_what_de_identification_removed_may_be_absent_from_the_source(keyword: str) -> None:
    values, _ = small_body(1)
    images = ct_series(values)
    for image in images:
        delattr(image, keyword)
    segmentation, _, _ = make(images=images)
    assert not segmentation[keyword].value


def test_equipment_that_the_source_names_without_a_time_is_no_obstacle() -> None:
    values, _ = small_body(1)
    images = ct_series(values)
    for image in images:
        item = Dataset()
        item.Manufacturer = "Made Up Imaging"
        image.ContributingEquipmentSequence = [item]
    segmentation, _, _ = make(images=images)
    assert all("ContributionDateTime" not in item for item in segmentation.ContributingEquipmentSequence)
