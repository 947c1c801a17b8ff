"""Bits that hold no pixel are cleared, and nothing else of a sample changes (PS3.5 8.1.1)."""

import numpy as np
import pytest

from processors.deid.burned_in.hidden_bits import clear_hidden_bits
from processors.deid.burned_in.layout import Layout
from tests.unit.deid.burned_in.builders import Knows, cleaned, file_of, image, read


def layout(*, signed: bool = False, stored: int = 12, high: int = 11, frames: int = 1, big: bool = False) -> Layout:
    return Layout(
        rows=1, columns=4, samples=1, frames=frames, allocated=16, stored=stored, high=high, signed=signed,
        planar=False, photometric="MONOCHROME2", big=big,
    )  # fmt: skip


def cleared(values: list[int], made: Layout) -> tuple[list[int], frozenset[int]]:
    pixels = bytearray(np.array(values, ">u2" if made.big else "<u2").tobytes())
    changed = clear_hidden_bits(memoryview(pixels), made)
    return np.frombuffer(pixels, ">u2" if made.big else "<u2").tolist(), changed


@pytest.mark.parametrize("big", [False, True], ids=["little", "big"])
def test_bits_above_are_cleared(big):
    assert cleared([0x0123, 0xF123, 0x0FFF, 0x8000], layout(big=big)) == ([0x0123, 0x0123, 0x0FFF, 0], {0})


def test_bits_below_are_cleared():
    assert cleared([0x1230, 0x123F, 0xFFF0, 0x0001], layout(high=15)) == ([0x1230, 0x1230, 0xFFF0, 0], {0})


def test_a_sign_that_fills_the_bits_above_stays():
    """-1 of 12 bits may be 0xFFFF or 0x0FFF; 0x7FFF is a message."""
    assert cleared([0xFFFF, 0x0FFF, 0x7FFF, 0xF7FF], layout(signed=True)) == ([0xFFFF, 0x0FFF, 0x0FFF, 0x07FF], {0})


def test_only_frames_in_which_something_hid_count_as_changed():
    values = [1, 2, 3, 4, 0x1001, 2, 3, 4]
    assert cleared(values, layout(frames=2)) == ([1, 2, 3, 4] * 2, {1})


def test_where_all_bits_are_used_nothing_hides():
    assert cleared([0xFFFF] * 4, layout(stored=16, high=15)) == ([0xFFFF] * 4, frozenset())


def test_a_cleaned_image_hides_nothing():
    made = image(allocated=16, stored=12)
    made.PixelData = (np.frombuffer(made.PixelData, "<u2") | 0xA000).astype("<u2").tobytes()
    after = read(bytes(cleaned(file_of(made), detector=Knows(())).part10))
    assert np.frombuffer(after.PixelData, "<u2").max() < 4096
