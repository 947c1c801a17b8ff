"""Pixels are passed on where they lie: no copy of them, and no more memory for more frames."""

import mmap
import tracemalloc

import pytest

from processors.deid import Engine, Treated
from tests.performance.large_multiframe import write
from tests.standard.corpus import ct, encoded, engine

SMALL, LARGE = 2, 24
"""Megabytes of pixels."""


@pytest.fixture(scope="module")
def by() -> Engine:
    return engine()


def allocated(by: Engine, file) -> int:
    """Bytes that treating a mapped file allocates at most, numpy's included."""
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        tracemalloc.start()
        result = by.treat(memoryview(mapped))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert isinstance(result, Treated)
        result.chunks.clear()
        by._series._header.clear()
    return peak


def test_twelve_times_the_frames_take_no_more_memory(by, tmp_path):
    sizes = {megabytes: write(tmp_path / f"{megabytes}.dcm", megabytes) for megabytes in (SMALL, LARGE)}
    allocated(by, tmp_path / f"{SMALL}.dcm")  # what is kept from the first instance on, plans above all
    small, large = (allocated(by, tmp_path / f"{megabytes}.dcm") for megabytes in (SMALL, LARGE))
    assert sizes[LARGE] > 10 * sizes[SMALL]
    assert large < small + (256 << 10)
    assert large < sizes[LARGE] // 10


def test_pixels_that_go_out_are_a_view_of_those_that_came_in(by):
    """Alike slices of a series, the first by the full walk and the last by what they have in common."""
    for number in range(1, 5):
        file = encoded(ct(number))
        result = by.treat(file)
        assert isinstance(result, Treated)
        pixels = next(chunk for chunk in result.chunks if isinstance(chunk, memoryview))
        assert pixels.obj is file
        assert bytes(pixels) == file[-len(pixels) :]
