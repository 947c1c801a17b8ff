"""Bits of native samples above the stored ones: whatever lies there goes, and no pixel value changes (PS3.5 8.1.1)."""

import numpy as np
import pytest

from processors.deid import Engine, Profile, Treated, Withheld
from processors.deid.reasons import Reason
from processors.deid.series import Series
from tests.performance.ct_series import slice_of
from tests.standard.corpus import KEY, SYNTAXES, cleaned, ct, encoded, mr, pet, read

TEXT = np.unpackbits(np.frombuffer(b"Holzmann, Klothilde " * 20, "u1"))[: 16 * 16].reshape(16, 16)
"""One bit for each pixel, as an overlay that is embedded in them; no search of whole bytes finds it."""


def by() -> Engine:
    return Engine(Profile.load("release-strict"), KEY.project("test"))


def measured(make=ct, *, stored: int = 12, signed: bool = False, hidden: int = 0, filled: bool = True):
    """An image of 12 bits or so, with one bit of a text at place `hidden` of each sample; 0 for none."""
    made = make()
    made.BitsStored, made.HighBit, made.PixelRepresentation = stored, stored - 1, int(signed)
    largest = 1 << stored
    values = np.arange(256, dtype=np.int32).reshape(16, 16) * 37 % largest
    if signed and filled:
        values -= (values >> (stored - 1)) << stored
    words = values.astype("<i2").view("<u2")
    made.PixelData = (words ^ (TEXT.astype("<u2") << hidden) if hidden else words).astype("<u2").tobytes()
    made["PixelData"].VR = "OW"
    return made


def bits_above(made) -> np.ndarray:
    kind = "<u2" if made.file_meta.TransferSyntaxUID.is_little_endian else ">u2"
    return np.frombuffer(made.PixelData, kind) >> made.BitsStored


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("hidden", [12, 13, 15])
@pytest.mark.parametrize("make", [ct, mr, pet])
def test_a_text_above_the_stored_bits_goes_and_every_pixel_stays(make, hidden, syntax):
    file = encoded(measured(make, hidden=hidden), syntax)
    before, after = read(file), cleaned(file, by())
    assert bits_above(before).any()
    assert not bits_above(after).any()
    assert np.array_equal(before.pixel_array, after.pixel_array)


@pytest.mark.parametrize("stored", [8, 10, 12, 15])
@pytest.mark.parametrize("hidden", [15, 14])
def test_above_signed_values_is_their_sign_and_nothing_else(stored, hidden):
    file = encoded(measured(stored=stored, signed=True, hidden=max(hidden, stored)))
    before, after = read(file), cleaned(file, by())
    values = np.frombuffer(after.PixelData, "<i2").reshape(16, 16)
    assert np.array_equal(values, after.pixel_array)  # each is, as a word, what it means as a pixel
    assert np.array_equal(before.pixel_array, after.pixel_array)


def test_a_text_in_whether_a_sign_is_filled_in_goes_too():
    """All pixels negative, and above each of them either ones or zeros: legal one by one, a picture together."""
    made = measured(signed=True)
    made.PixelData = np.where(TEXT, np.uint16(0xFFF0), np.uint16(0x0FF0)).astype("<u2").tobytes()
    after = cleaned(made, by())
    assert set(np.frombuffer(after.PixelData, "<u2")) == {0xFFF0}
    assert np.array_equal(read(encoded(made)).pixel_array, after.pixel_array)


@pytest.mark.parametrize("made", [
    measured(), measured(stored=16), measured(signed=True), measured(signed=True, filled=False), measured(stored=9),
], ids=["12 bits", "16 bits", "signs filled in", "zeros above signs", "9 bits"])  # fmt: skip
def test_where_nothing_is_hidden_the_bytes_stay(made):
    file = encoded(made)
    result = by().treat(file)
    assert isinstance(result, Treated)
    assert b"".join(result.chunks).endswith(made.PixelData)
    assert next(chunk for chunk in result.chunks if isinstance(chunk, memoryview)).obj is file
    assert "clear-unused-bits" not in result.actions


def test_that_something_was_cleared_is_counted():
    result = by().treat(encoded(measured(hidden=14)))
    assert isinstance(result, Treated)
    assert result.actions["clear-unused-bits"] == 1
    assert sum(result.actions.values()) == sum(by().treat(encoded(measured())).actions.values())


def test_slices_of_one_series_are_cleared_one_by_one(monkeypatch):
    """Some with an overlay in their pixels and some without, by what they have in common and by the full walk."""
    fitted = []
    real = Series.filled
    monkeypatch.setattr(Series, "filled", lambda self, part: fitted.append(found := real(self, part)) or found)
    alone, together = by(), by()
    alone._series.learn = lambda *of: None
    for number in range(1, 13):
        made = slice_of(number, rows=16)
        made.BitsStored, made.HighBit, made.PixelRepresentation = 12, 11, 0
        if number % 3 == 0:
            hidden = np.frombuffer(made.PixelData, "<u2") | TEXT.ravel().astype("<u2") << 13
            made.PixelData = hidden.tobytes()
        file = encoded(made)
        one, other = together.treat(file), alone.treat(file)
        assert b"".join(one.chunks) == b"".join(other.chunks)
        assert one.actions == other.actions
        assert one.actions.get("clear-unused-bits", 0) == (number % 3 == 0)
        assert one.digest == other.digest
    assert any(fitted[2::3])
    assert any(fitted[::3])


@pytest.mark.parametrize(("allocated", "stored", "high"), [(16, 12, 15), (16, 12, 12), (16, 0, 15), (16, 17, 16)])
def test_what_does_not_say_which_bits_are_pixels_is_withheld(allocated, stored, high):
    made = measured()
    made.BitsAllocated, made.BitsStored, made.HighBit = allocated, stored, high
    assert by().treat(encoded(made)) == Withheld(Reason.PIXELS_BITS_UNKNOWN.value)
