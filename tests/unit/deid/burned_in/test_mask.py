"""Masked pixels are black and all others as they were, in every form that pixels come in; pydicom is the judge."""

import numpy as np
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from processors.deid.burned_in import Box, PixelCleaner
from tests.unit.deid.burned_in.builders import COLUMNS, LINE, ROWS, Knows, cleaned, file_of, image, inside, read, shown

SYNTAXES = {
    "explicit": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
}
FORMS = {
    "MONOCHROME2": ({}, (0,)),
    "MONOCHROME1 is black at the top": ({"photometric": "MONOCHROME1"}, (255,)),
    "single bits": ({"allocated": 1}, (0,)),
    "single bits, MONOCHROME1": ({"photometric": "MONOCHROME1", "allocated": 1}, (1,)),
    "12 of 16 bits": ({"allocated": 16, "stored": 12}, (0,)),
    "12 of 16 bits, MONOCHROME1": ({"photometric": "MONOCHROME1", "allocated": 16, "stored": 12}, (4095,)),
    "signed": ({"allocated": 16, "signed": 1}, (-32768,)),
    "signed, 12 of 16 bits": ({"allocated": 16, "stored": 12, "signed": 1}, (-2048,)),
    "signed, MONOCHROME1": ({"photometric": "MONOCHROME1", "allocated": 16, "signed": 1}, (32767,)),
    "32 bits": ({"allocated": 32}, (0,)),
    "signed, 32 bits": ({"allocated": 32, "signed": 1}, (-(1 << 31),)),
    "falling rescale slope": ({"RescaleSlope": -1, "RescaleIntercept": 0}, (255,)),
    "RGB by pixel": ({"photometric": "RGB"}, (0, 0, 0)),
    "RGB by plane": ({"photometric": "RGB", "planar": 1}, (0, 0, 0)),
    "RGB of 16 bits by plane": ({"photometric": "RGB", "planar": 1, "allocated": 16}, (0, 0, 0)),
    "YBR_FULL by pixel": ({"photometric": "YBR_FULL"}, (0, 128, 128)),
    "YBR_FULL by plane": ({"photometric": "YBR_FULL", "planar": 1}, (0, 128, 128)),
}


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES)
@pytest.mark.parametrize("frames", [1, 3], ids=["one frame", "three frames"])
@pytest.mark.parametrize(("form", "black"), FORMS.values(), ids=FORMS)
def test_a_line_is_black_in_all_frames_and_nothing_else_changed(form, black, frames, syntax):
    file = file_of(image(**form, frames=frames), syntax)
    before, after = shown(read(file)), shown(read(bytes(cleaned(file).part10)))
    assert (after[:, inside()] == np.array(black)).all()
    assert np.array_equal(after[:, ~inside()], before[:, ~inside()])


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_of_words_in_big_endian_order_the_same_pixels_are_masked(syntax):
    """PS3.5 A.3: bytes of OW are swapped in explicit VR big endian."""
    made = image("RGB", frames=2)
    made["PixelData"].VR = "OW"
    raw = made.PixelData
    if syntax == ExplicitVRBigEndian:
        made.PixelData = np.frombuffer(raw, "u2").byteswap().tobytes()
    after = shown(read(bytes(cleaned(file_of(made, syntax)).part10)))
    assert (after[:, inside()] == 0).all()
    assert np.array_equal(after[:, ~inside()], np.frombuffer(raw, "u1").reshape(2, ROWS, COLUMNS, 3)[:, ~inside()])


@pytest.mark.parametrize("box", [Box(3, 2, 8, 5), Box(4, 2, 9, 5), Box(3, 1, 4, 6)])
def test_of_shared_chrominance_a_box_is_masked_from_even_to_even_column(box):
    """Columns 2n and 2n + 1 have one Cb and one Cr (PS3.3 C.7.6.3.1.2), so both turn black."""
    file = file_of(image("YBR_FULL_422", frames=2))
    result = cleaned(file, detector=Knows((box,)))
    pairs = [
        np.frombuffer(read(each).PixelData, "u1").reshape(2, ROWS, COLUMNS // 2, 4)
        for each in (file, bytes(result.part10))
    ]
    even = inside(Box(box.left // 2 * 2, box.top, (box.right + 1) // 2 * 2, box.bottom))[:, ::2]
    assert (pairs[1][:, even] == (0, 0, 128, 128)).all()
    assert np.array_equal(pairs[1][:, ~even], pairs[0][:, ~even])


def test_of_a_palette_black_is_the_index_of_the_darkest_colour():
    made = image("PALETTE COLOR")
    ramp = (np.arange(256) * 257)[::-1].astype("<u2")
    for colour, least in zip(("Red", "Green", "Blue"), (0, 300, 0), strict=True):
        setattr(made, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(made, f"{colour}PaletteColorLookupTableData", (ramp | least).astype("<u2").tobytes())
    after = shown(read(bytes(cleaned(file_of(made)).part10)))
    assert (after[:, inside()] == 255).all()


def test_a_palette_in_segments_is_read():
    """PS3.3 C.7.9.2: a discrete segment of two, then a linear one of 254 up to white."""
    made = image("PALETTE COLOR")
    for colour in ("Red", "Green", "Blue"):
        setattr(made, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(
            made,
            f"Segmented{colour}PaletteColorLookupTableData",
            np.array([0, 2, 65535, 0, 1, 254, 65535], "<u2").tobytes(),
        )
    assert (shown(read(bytes(cleaned(file_of(made)).part10)))[:, inside()] == 1).all()


def test_signed_black_is_the_padding_value_where_that_is_dark():
    """The smallest of 16 bits would stretch the range of an image that is padded with -2000."""
    for padding, black in ((-2000, -2000), (2000, -32768)):
        made = image(allocated=16, signed=1)
        made.add_new("PixelPaddingValue", "SS", padding)
        assert (shown(read(bytes(cleaned(file_of(made)).part10)))[:, inside()] == black).all()


def test_what_reaches_beyond_the_image_is_cut_off():
    result = cleaned(file_of(image()), detector=Knows((Box(10, 6, 40, 60),)))
    assert result.masked == (Box(10, 6, COLUMNS, ROWS),)


def test_the_original_is_not_touched():
    file = file_of(image())
    before = bytes(bytearray(file))
    PixelCleaner(Knows()).clean(file)
    assert file == before


@pytest.mark.parametrize(
    ("form", "keyword", "value"),
    [
        ("RGB", "PhotometricInterpretation", "CMYK"),
        ("RGB", "PhotometricInterpretation", "YBR_RCT"),
        ("RGB", "PhotometricInterpretation", "MONOCHROME2"),
        ("MONOCHROME2", "BitsStored", 9),
        ("MONOCHROME2", "HighBit", 9),
        ("MONOCHROME2", "BitsAllocated", 12),
        ("YBR_FULL_422", "PlanarConfiguration", 1),
    ],
)
def test_what_cannot_be_is_quarantined(form, keyword, value):
    made = image(form)
    setattr(made, keyword, value)
    assert repr(PixelCleaner(Knows()).clean(file_of(made))) == "Quarantined('pixels-mismatch')"


def test_a_line_of_the_builder_is_inside_the_image():
    assert LINE.within(COLUMNS, ROWS) == LINE
