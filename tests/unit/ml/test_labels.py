"""Annotations are joined by reference and proven by geometry, never by file or frame order."""

import numpy as np
import pytest
from pydicom import Dataset

from ml.errors import LabelError
from ml.preprocessing.labels import mask_of, referenced_instances
from ml.preprocessing.spec import Spec
from ml.preprocessing.volume import Volume, volume_of
from tests.unit.ml.builders import annotation, ct_series, small_body

NATIVE = Spec(name="native")


@pytest.fixture
def drawn() -> tuple[Volume, Dataset, np.ndarray]:
    """A volume, the annotation of it, and the truth in the order of the volume's slices."""
    values, truth = small_body(1)
    series = ct_series(values)
    return volume_of(series, NATIVE).volume, annotation(truth, series), truth


def test_a_mask_lies_on_the_slices_that_its_frames_reference(drawn) -> None:
    volume, segmentation, truth = drawn
    assert segmentation.NumberOfFrames < len(truth)
    assert np.array_equal(mask_of(segmentation, volume), truth)


def test_frames_in_another_order_give_the_same_mask(drawn) -> None:
    volume, segmentation, truth = drawn
    frames = segmentation.pixel_array
    segmentation.PixelData = np.packbits(frames[::-1].ravel(), bitorder="little").tobytes()
    groups = list(segmentation.PerFrameFunctionalGroupsSequence)
    segmentation.PerFrameFunctionalGroupsSequence = groups[::-1]
    assert np.array_equal(mask_of(segmentation, volume), truth)


def test_a_series_of_reversed_sources_gives_the_same_mask() -> None:
    values, truth = small_body(1)
    series = ct_series(values)
    segmentation = annotation(truth[::-1], series[::-1])
    assert np.array_equal(mask_of(segmentation, volume_of(series, NATIVE).volume), truth)


def test_the_references_of_an_annotation_are_those_of_its_frames(drawn) -> None:
    volume, segmentation, truth = drawn
    expected = {volume.sop_instance_uids[index] for index in np.flatnonzero(truth.any(axis=(1, 2)))}
    assert referenced_instances(segmentation) == expected


def reason_of(segmentation: Dataset, volume: Volume) -> str:
    with pytest.raises(LabelError) as caught:
        mask_of(segmentation, volume)
    return caught.value.reason


def test_a_reference_that_leads_out_of_the_series_is_rejected(drawn) -> None:
    volume, segmentation, _ = drawn
    source = segmentation.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence[0]
    source.ReferencedSOPInstanceUID = "1.9.9"
    assert reason_of(segmentation, volume) == "label-dangling"


def test_a_frame_without_a_reference_is_rejected(drawn) -> None:
    volume, segmentation, _ = drawn
    del segmentation.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence
    assert reason_of(segmentation, volume) == "label-unreferenced"


def test_a_frame_that_lies_elsewhere_than_its_reference_is_rejected(drawn) -> None:
    volume, segmentation, _ = drawn
    position = segmentation.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0]
    position.ImagePositionPatient = [-40.0, -50.0, 11.0]
    assert reason_of(segmentation, volume) == "label-geometry"


def test_references_swapped_between_frames_are_rejected(drawn) -> None:
    """The naive join, by reference alone, would lay each frame on the other's slice."""
    volume, segmentation, _ = drawn
    first, second = segmentation.PerFrameFunctionalGroupsSequence[:2]
    first.DerivationImageSequence, second.DerivationImageSequence = (
        second.DerivationImageSequence,
        first.DerivationImageSequence,
    )
    assert reason_of(segmentation, volume) == "label-geometry"


def test_an_annotation_of_another_pixel_spacing_is_rejected(drawn) -> None:
    volume, segmentation, _ = drawn
    segmentation.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = [2.0, 2.1]
    assert reason_of(segmentation, volume) == "label-geometry"


def test_an_annotation_in_another_frame_of_reference_is_rejected(drawn) -> None:
    volume, segmentation, _ = drawn
    segmentation.FrameOfReferenceUID = "1.9.9"
    assert reason_of(segmentation, volume) == "label-geometry"


def test_an_annotation_of_another_size_is_rejected(drawn) -> None:
    _, segmentation, _ = drawn
    other = volume_of(ct_series(np.zeros((4, 6, 5), dtype=np.int16)), NATIVE).volume
    assert reason_of(segmentation, other) == "label-size"


def test_what_is_not_a_segmentation_is_rejected(drawn) -> None:
    volume, _, _ = drawn
    assert reason_of(ct_series(np.zeros((4, 6, 5), dtype=np.int16))[0], volume) == "not-a-segmentation"
