"""Comments inside compressed images are blanked in place; the image stays byte by byte."""

import io
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, get_frame

from processors.deid import Treated
from tests.standard.corpus import cleaned, engine, output, read, withheld

J2K = Path(get_testdata_file("MR_small_jp2klossless.dcm")).read_bytes()
JLS = Path(get_testdata_file("MR_small_jpeg_ls_lossless.dcm")).read_bytes()


def with_image(file: bytes, change) -> bytes:
    """The file with its one compressed image changed."""
    made = read(file)
    image = change(get_frame(made.PixelData, 0, number_of_frames=1))
    made.PixelData = encapsulate([image + b"\0" * (len(image) & 1)])
    made["PixelData"].is_undefined_length = True
    out = io.BytesIO()
    made.save_as(out)
    return out.getvalue()


def segment(marker: bytes, payload: bytes) -> bytes:
    return marker + (len(payload) + 2).to_bytes(2, "big") + payload


def after_first_segment(image: bytes, inserted: bytes) -> bytes:
    """Behind SIZ or SOF, whichever comes first."""
    at = 4 + int.from_bytes(image[4:6], "big")
    return image[:at] + inserted + image[at:]


PLANTED = {
    "jpeg comment": with_image(JLS, lambda image: after_first_segment(image, segment(b"\xff\xfe", b"CANARY " * 5))),
    "jpeg exif": with_image(JLS, lambda image: after_first_segment(image, segment(b"\xff\xe1", b"Exif\0\0CANARY"))),
    "jpeg behind the end": with_image(JLS, lambda image: image + b"CANARY"),
    "jpeg 2000 comment": with_image(
        J2K, lambda image: after_first_segment(image, segment(b"\xff\x64", b"\0\x01CANARY of Holzmann"))
    ),
    "jpeg 2000 behind the end": with_image(J2K, lambda image: image + b"CANARY" * 9),
}  # fmt: skip


@pytest.mark.parametrize("file", PLANTED.values(), ids=PLANTED)
def test_a_comment_inside_an_image_is_blanked_and_nothing_else_changes(file):
    assert b"CANARY" in file
    before, after = read(file).PixelData, cleaned(file).PixelData
    assert b"CANARY" not in output(file)
    assert len(after) == len(before)
    assert sum(old != new for old, new in zip(before, after, strict=True)) < 60


@pytest.mark.parametrize("file", [J2K, JLS], ids=["jpeg 2000", "jpeg-ls"])
def test_what_an_encoder_signs_with_stays(file):
    assert cleaned(file).PixelData == read(file).PixelData


def test_an_image_whose_header_is_broken_is_withheld():
    broken = with_image(JLS, lambda image: image[:2] + b"\xff\xe1\xff\xff" + image[6:])
    assert withheld(broken) == "pixels-mismatch"


def test_an_image_that_goes_on_in_further_fragments_passes():
    file = with_image(JLS, lambda image: image)
    made = read(file)
    image = get_frame(made.PixelData, 0, number_of_frames=1)
    made.PixelData = encapsulate([image], fragments_per_frame=3)
    made["PixelData"].is_undefined_length = True
    out = io.BytesIO()
    made.save_as(out)
    assert isinstance(engine().treat(out.getvalue()), Treated)
