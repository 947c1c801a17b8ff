"""Comments inside compressed images are blanked in place; the image stays byte by byte."""

import io
import struct
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, encapsulate_extended, get_frame

from processors.deid import Treated
from tests.standard.corpus import cleaned, engine, output, read, withheld


def measured(name: str) -> bytes:
    """A file of pydicom's as if a scanner had measured it, so that nothing need look for text in it."""
    return Path(get_testdata_file(name)).read_bytes().replace(b"SECONDARY", b"PRIMARY\\M")


J2K = measured("MR_small_jp2klossless.dcm")
JLS = measured("MR_small_jpeg_ls_lossless.dcm")


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


RLE = measured("MR_small_RLE.dcm")


def with_fragments(file: bytes, change) -> bytes:
    """The file with the list of its fragments, offset table first, changed."""
    made = read(file)
    made.PixelData = b"".join(
        b"\xfe\xff\x00\xe0" + len(each).to_bytes(4, "little") + each
        for each in change([b"", get_frame(made.PixelData, 0, number_of_frames=1)])
    )
    made["PixelData"].is_undefined_length = True
    out = io.BytesIO()
    made.save_as(out)
    return out.getvalue()


def between_scans(image: bytes, inserted: bytes) -> bytes:
    """A comment behind the data of the only scan, before the end marker."""
    at = image.rindex(b"\xff\xd9")
    return image[:at] + inserted + image[at:]


HIDDEN = {
    "jpeg comment behind a scan": with_image(JLS, lambda image: between_scans(image, segment(b"\xff\xfe", b"CANARY"))),
    "jpeg between two ends": with_image(JLS, lambda image: image + b"CANARYCANARY\xff\xd9"),
    "jpeg 2000 between two ends": with_image(J2K, lambda image: image + b"CANARYCANARY\xff\xd9"),
    "rle behind the runs": with_image(RLE, lambda image: image + b"CANARYCANARY"),
}


@pytest.mark.parametrize("file", HIDDEN.values(), ids=HIDDEN)
def test_what_hides_behind_data_is_blanked(file):
    assert b"CANARY" in file
    assert b"CANARY" not in output(file)
    assert len(cleaned(file).PixelData) == len(read(file).PixelData)


def test_a_comment_in_a_later_fragment_is_blanked():
    def cut(fragments):
        table, image = fragments
        image = between_scans(image, segment(b"\xff\xfe", b"CANARY"))
        middle = len(image) // 4 * 2
        return [table, image[:middle], image[middle:] + b"\0" * (len(image) % 2)]

    file = with_fragments(JLS, cut)
    assert b"CANARY" in file
    assert b"CANARY" not in output(file)


STRAY = {
    "a fragment of text": (JLS, lambda f: [*f, b"CANARY"]),
    "a second image in one frame": (JLS, lambda f: [*f, f[1]]),
    "text before the image": (JLS, lambda f: [f[0], b"CANARY", f[1]]),
    "a fragment of text behind runs": (RLE, lambda f: [*f, b"CANARY"]),
    "a second frame of runs": (RLE, lambda f: [*f, f[1]]),
    "text in the header of runs": (RLE, lambda f: [f[0], f[1][:40] + b"CANARY!!" + f[1][48:]]),
    "runs that end early": (RLE, lambda f: [f[0], f[1][: len(f[1]) // 4 * 2]]),
    "an unknown segment": (
        JLS, lambda f: [f[0], after_first_segment(f[1], segment(b"\xff\xf1", b"CANARY"))]
    ),
    "jpeg 2000 that goes on elsewhere": (J2K, lambda f: [f[0], f[1][:400], f[1][400:]]),
}  # fmt: skip


@pytest.mark.parametrize(("file", "change"), STRAY.values(), ids=STRAY)
def test_what_belongs_to_no_image_withholds_the_instance(file, change):
    assert withheld(with_fragments(file, change)) == "pixels-mismatch"


@pytest.mark.parametrize("file", [JLS, J2K, RLE], ids=["jpeg-ls", "jpeg 2000", "rle"])
@pytest.mark.parametrize("table", [b"", bytes(4)], ids=["no offsets", "offsets"])
def test_honest_fragments_pass_as_they_are(file, table):
    honest = with_fragments(file, lambda fragments: [table, fragments[1] + b"\0" * (len(fragments[1]) % 2)])
    assert cleaned(honest).PixelData == read(honest).PixelData


NO_OFFSETS = {
    "text": (JLS, b"CANARY  "),
    "an offset to nowhere": (JLS, b"\x08\0\0\0"),
    "the same offset again": (JLS, bytes(8)),
    "half an offset": (RLE, bytes(2)),
    "a small number, two letters": (RLE, b"AB\0\0"),
}


@pytest.mark.parametrize(("file", "table"), NO_OFFSETS.values(), ids=NO_OFFSETS)
def test_a_basic_offset_table_that_is_none_is_emptied_and_the_image_stays(file, table):
    planted = with_fragments(file, lambda f: [table, f[1] + b"\0" * (len(f[1]) % 2)])
    honest = with_fragments(file, lambda f: [b"", f[1] + b"\0" * (len(f[1]) % 2)])
    assert cleaned(planted).PixelData == read(honest).PixelData
    assert (read(output(planted)).pixel_array == read(honest).pixel_array).all()


def with_extended_tables(change):
    """A file of three frames in fragments, its extended offset tables (lists of numbers) changed."""
    made = read(RLE)
    frame = get_frame(made.PixelData, 0, number_of_frames=1)
    frames = [frame + b"\0" * (len(frame) % 2)] * 3
    made.NumberOfFrames = 3
    made.PixelData, offsets, lengths = encapsulate_extended(frames)
    tables = change(*(list(struct.unpack("<3Q", each)) for each in (offsets, lengths)))
    made.ExtendedOffsetTable, made.ExtendedOffsetTableLengths = (struct.pack(f"<{len(t)}Q", *t) for t in tables)
    made["PixelData"].is_undefined_length = True
    out = io.BytesIO()
    made.save_as(out)
    return out.getvalue()


def test_extended_tables_that_are_true_stay():
    file = with_extended_tables(lambda offsets, lengths: (offsets, lengths))
    clean = cleaned(file)
    assert clean.ExtendedOffsetTable == read(file).ExtendedOffsetTable
    assert clean.ExtendedOffsetTableLengths == read(file).ExtendedOffsetTableLengths


UNTRUE = {
    "two letters in an offset": lambda offsets, lengths: ([0x4142, *offsets[1:]], lengths),
    "two letters in a length": lambda offsets, lengths: (offsets, [*lengths[:2], 0x4142]),
    "frames in another order": lambda offsets, lengths: ([offsets[1], offsets[0], offsets[2]], lengths),
    "one offset more": lambda offsets, lengths: ([*offsets, offsets[0]], [*lengths, lengths[0]]),
    "one offset less": lambda offsets, lengths: (offsets[:2], lengths[:2]),
    "none": lambda offsets, lengths: ([], []),
}


@pytest.mark.parametrize("change", UNTRUE.values(), ids=UNTRUE)
def test_extended_tables_that_say_anything_else_go_both_and_the_pixels_stay(change):
    file = with_extended_tables(change)
    clean = cleaned(file)
    assert "ExtendedOffsetTable" not in clean
    assert "ExtendedOffsetTableLengths" not in clean
    assert clean.PixelData == read(file).PixelData


def test_one_extended_table_without_the_other_goes():
    made = read(with_extended_tables(lambda offsets, lengths: (offsets, lengths)))
    del made.ExtendedOffsetTableLengths
    out = io.BytesIO()
    made.save_as(out)
    assert "ExtendedOffsetTable" not in cleaned(out.getvalue())
