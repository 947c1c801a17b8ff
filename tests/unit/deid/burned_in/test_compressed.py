"""Compressed frames: encoded again in their own syntax where that loses nothing, else native and saying why."""

import io

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from processors.deid.burned_in import Box, PixelCleaner, Quarantined
from processors.deid.burned_in.compressed import NO_ENCODER, WOULD_LOSE
from tests.unit.deid.burned_in.builders import COLUMNS, ROWS, Knows, cleaned, compressed, image, inside, read, shown

FORMS = {
    "grey": {},
    "12 of 16 bits": {"allocated": 16, "stored": 12},
    "signed": {"allocated": 16, "signed": 1},
    "RGB": {"photometric": "RGB"},
    "YBR_FULL": {"photometric": "YBR_FULL"},
    "MONOCHROME1": {"photometric": "MONOCHROME1", "allocated": 16},
}


def frames_of(file: bytes) -> list[bytes]:
    made = read(file)
    return list(generate_frames(made.PixelData, number_of_frames=made.NumberOfFrames))


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless], ids=["RLE", "JPEG-LS"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_lossless_frames_stay_in_their_syntax(form, syntax):
    file = compressed(image(**form, frames=3), syntax)
    result = cleaned(file)
    before, after = read(file), read(bytes(result.part10))
    assert after.file_meta.TransferSyntaxUID == syntax
    assert result.decompressed == ""
    masked = cleaned_natively(form)
    assert np.array_equal(shown(after), masked)
    assert np.array_equal(shown(after)[:, ~inside()], shown(before)[:, ~inside()])


def cleaned_natively(form: dict) -> np.ndarray:
    from tests.unit.deid.burned_in.builders import file_of

    return shown(read(bytes(cleaned(file_of(image(**form, frames=3))).part10)))


def test_frames_without_the_line_keep_their_bytes():
    """The line is in the second frame alone; the others are black there, in another spelling of the same run."""
    made = image(frames=3)
    pixels = np.frombuffer(made.PixelData, "u1").reshape(3, ROWS, COLUMNS).copy()
    pixels[0][inside()] = pixels[2][inside()] = 0
    made.PixelData = pixels.tobytes()
    file = compressed(made, RLELossless)
    result = cleaned(file)
    old, new = frames_of(file), frames_of(bytes(result.part10))
    assert result.changed == {1}
    assert (old[0], old[2]) == (new[0], new[2])
    assert old[1] != new[1]


def test_bits_hidden_in_run_lengths_are_cleared():
    """Pixels of 12 bits with a message in the four above; nothing is masked, and every frame is another one."""
    made = image(allocated=16, stored=16, frames=2)
    made.BitsStored, made.HighBit = 16, 15
    made.PixelData = np.full(2 * ROWS * COLUMNS, 0xA123, "<u2").tobytes()
    file = compressed(made, RLELossless)
    hiding = read(file)
    hiding.BitsStored, hiding.HighBit = 12, 11
    out = io.BytesIO()
    hiding.save_as(out, enforce_file_format=True)
    result = cleaned(out.getvalue(), detector=Knows(()))
    assert result.changed == {0, 1}
    again = read(bytes(result.part10))
    again.BitsStored, again.HighBit = 16, 15
    assert (shown(again) == 0x123).all()


def whole(name: str) -> tuple[bytes, Box]:
    path = get_testdata_file(name)
    made = dcmread(path)
    made.Modality, made.ImageType, made.BurnedInAnnotation = "US", ["DERIVED", "SECONDARY"], "YES"
    out = io.BytesIO()
    made.save_as(out, enforce_file_format=True)
    return out.getvalue(), Box(1, 1, made.Columns // 2, made.Rows // 2)


@pytest.mark.parametrize(
    ("name", "syntax", "reason"),
    [
        ("SC_rgb_jpeg_dcmtk.dcm", JPEGBaseline8Bit, WOULD_LOSE),
        ("examples_jpeg2k.dcm", JPEG2000Lossless, NO_ENCODER),
    ],
)
def test_what_cannot_be_encoded_without_loss_becomes_native_and_says_why(name, syntax, reason):
    file, box = whole(name)
    result = cleaned(file, detector=Knows((box,)))
    before, after = read(file), read(bytes(result.part10))
    assert before.file_meta.TransferSyntaxUID == syntax
    assert after.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert result.decompressed == reason
    assert after.PhotometricInterpretation == ("YBR_FULL" if "YBR_FULL" in before.PhotometricInterpretation else "RGB")
    coloured = after.pixel_array
    # pydicom turns YBR into RGB, whose black of 8 bits is rounded.
    assert coloured[1 : box.bottom, 1 : box.right].max() <= 1
    assert np.array_equal(coloured[box.bottom :], before.pixel_array[box.bottom :])


def test_lossy_says_so_still():
    """Lossy Image Compression tells of the past (PS3.3 C.7.6.1.1.5)."""
    file, box = whole("SC_rgb_jpeg_dcmtk.dcm")
    marked = read(file)
    marked.LossyImageCompression = "01"
    out = io.BytesIO()
    marked.save_as(out, enforce_file_format=True)
    assert read(bytes(cleaned(out.getvalue(), detector=Knows((box,))).part10)).LossyImageCompression == "01"


@pytest.mark.parametrize("broken", [b"\x01\0\0\0\x40\0\0\0" + bytes(56), b""])
def test_what_does_not_decode_is_quarantined(broken):
    made = read(compressed(image(), RLELossless))
    from pydicom.encaps import encapsulate

    made.PixelData = encapsulate([broken or bytes(64)])
    out = io.BytesIO()
    made.save_as(out, enforce_file_format=True)
    result = PixelCleaner(Knows()).clean(out.getvalue())
    assert isinstance(result, Quarantined)
    assert result.reason in ("pixels-undecodable", "pixels-mismatch")


def test_a_syntax_that_nothing_here_decodes_is_quarantined(monkeypatch):
    from processors.deid.burned_in import compressed as module

    def none(_uid):
        raise NotImplementedError

    monkeypatch.setattr(module, "get_decoder", none)
    assert repr(PixelCleaner(Knows()).clean(compressed(image(), RLELossless))) == "Quarantined('pixels-undecodable')"
