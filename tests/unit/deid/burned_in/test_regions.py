"""Ultrasound is black outside its calibrated regions (PS3.3 C.8.5.5)."""

import numpy as np
import pytest

from processors.deid.burned_in import Box
from processors.deid.burned_in.box import outside
from tests.standard.corpus import dataset
from tests.unit.deid.burned_in.builders import COLUMNS, ROWS, Knows, cleaned, file_of, image, inside, read, shown


def region(left: int, top: int, last_column: int, last_row: int, kind: int = 1):
    made = dataset(RegionSpatialFormat=kind, RegionDataType=1, RegionFlags=0)
    for corner, value in zip(("MinX0", "MinY0", "MaxX1", "MaxY1"), (left, top, last_column, last_row), strict=True):
        made.add_new(f"RegionLocation{corner}", "UL" if value >= 0 else "SL", value)
    return made


def kept(*regions, modality: str = "US") -> np.ndarray:
    """Which pixels are as they were."""
    file = file_of(image(allocated=16, SequenceOfUltrasoundRegions=list(regions), Modality=modality))
    before, after = shown(read(file)), shown(read(bytes(cleaned(file, detector=Knows(())).part10)))
    assert (after[before != after] == 0).all()
    return (before == after)[0, ..., 0]


def test_what_is_outside_the_region_is_black_its_corners_included():
    assert np.array_equal(kept(region(2, 1, 8, 5)), inside(Box(2, 1, 9, 6)))


def test_regions_that_overlap_or_stand_apart_are_all_kept():
    expected = inside(Box(0, 0, 3, 3)) | inside(Box(2, 2, 6, 5)) | inside(Box(9, 6, 12, 8))
    assert np.array_equal(kept(region(0, 0, 2, 2), region(2, 2, 5, 4), region(9, 6, 11, 7)), expected)


@pytest.mark.parametrize("kind", [0, 5], ids=["none", "graphics"])
def test_a_region_that_shows_no_echoes_is_black_too(kind):
    assert np.array_equal(kept(region(2, 1, 8, 5), region(0, 6, 11, 7, kind)), inside(Box(2, 1, 9, 6)))


def test_a_region_that_reaches_beyond_the_image_is_cut_off():
    assert np.array_equal(kept(region(2, 1, COLUMNS, ROWS + 5)), inside(Box(2, 1, COLUMNS, ROWS)))


@pytest.mark.parametrize(
    "regions",
    [(), (region(5, 5, 2, 2),), (region(50, 50, 60, 60),)],
    ids=["none", "inside out", "beside the image"],
)
def test_without_a_region_that_can_be_nothing_is_masked_and_the_detector_alone_decides(regions):
    assert kept(*regions).all()


def test_regions_count_in_ultrasound_alone():
    assert kept(region(2, 1, 8, 5), modality="OT").all()


def test_outside_and_kept_are_the_whole_image_without_overlap():
    chance = np.random.default_rng(3)
    for _ in range(200):
        edges = chance.integers(-3, 15, (int(chance.integers(0, 5)), 4)).tolist()
        boxes = [Box(*each) for each in edges]
        count = np.zeros((9, 11), int)
        for box in outside(boxes, 11, 9):
            count[box.top : box.bottom, box.left : box.right] += 1
        for box in (each.within(11, 9) for each in boxes):
            assert not box.area or count[box.top : box.bottom, box.left : box.right].max() == 0
        covered = count.astype(bool)
        for box in (each.within(11, 9) for each in boxes):
            if box.area:
                covered[box.top : box.bottom, box.left : box.right] = True
        assert covered.all()
        assert count.max(initial=0) <= 1
