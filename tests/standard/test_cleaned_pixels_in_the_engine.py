"""The engine with something that cleans pixels: marks and the word on burned-in text are of what was done."""

import numpy as np
import pytest

from processors.deid import Engine, Profile, Treated
from processors.deid.burned_in import Box, PixelCleaner
from tests.standard.corpus import KEY, ct, encoded, read
from tests.unit.deid.burned_in.builders import Knows

LINE = Box(2, 3, 12, 6)


class Insists(Knows):
    def find(self, picture):
        return list(self.lines)


def engine(detector) -> Engine:
    return Engine(Profile.load(), KEY.project("test"), PixelCleaner(detector))


def capture():
    """A screen of a CT's console."""
    made = ct()
    made.ImageType, made.BurnedInAnnotation = ["DERIVED", "SECONDARY", "SCREEN SAVE"], "YES"
    made.add_new("PixelPaddingValue", "SS", -2000)
    return made


def codes(made) -> list[str]:
    return [item.CodeValue for item in made.DeidentificationMethodCodeSequence]


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "big endian", "deflated"])
def test_a_capture_passes_without_its_line_and_says_so(syntax):
    result = engine(Knows((LINE,))).treat(encoded(capture(), syntax))
    assert isinstance(result, Treated)
    after = read(b"".join(result.chunks))
    assert codes(after) == ["113100", "113101", "113107"]
    assert after.BurnedInAnnotation == "NO"
    assert (after.pixel_array[LINE.top : LINE.bottom, LINE.left : LINE.right] == -2000).all()
    changed = after.pixel_array != ct().pixel_array
    changed[LINE.top : LINE.bottom, LINE.left : LINE.right] = False
    assert not changed.any()
    assert "Holzmann" not in str(after)


def test_a_primary_image_in_the_same_engine_is_untouched_and_claims_nothing():
    detector = Insists()
    result = engine(detector).treat(encoded(ct()))
    after = read(b"".join(result.chunks))
    assert codes(after) == ["113100", "113107"]
    assert "BurnedInAnnotation" not in after
    assert np.array_equal(after.pixel_array, ct().pixel_array)
    assert b"".join(result.chunks) == b"".join(Engine(Profile.load(), KEY.project("test")).treat(encoded(ct())).chunks)


@pytest.mark.parametrize(("detector", "reason"), [(Insists((LINE,)), "pixels-show-text"), (None, "pixels-no-detector")])
def test_what_was_not_verified_is_withheld(detector, reason):
    assert repr(engine(detector).treat(encoded(capture()))) == f"Withheld(reason='{reason}')"


def test_without_anything_that_cleans_it_is_withheld_as_ever():
    result = Engine(Profile.load(), KEY.project("test")).treat(encoded(capture()))
    assert repr(result) == "Withheld(reason='pixels-unchecked')"


def test_a_header_only_capture_gains_no_pixels():
    made = capture()
    del made.PixelData
    assert repr(engine(Knows()).treat(encoded(made))) == "Withheld(reason='pixels-missing')"
