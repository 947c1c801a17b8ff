"""What is not understood is withheld whole, with a code that says why."""

import struct
import tracemalloc
import zlib

import pytest
from pydicom.uid import UID

from processors.deid import Treated, Withheld
from processors.deid.reasons import REASONS, Reason
from tests.standard.corpus import ct, dataset, encoded, engine, items, rtstruct, seg, withheld

BY = engine()
FILE = encoded(ct())
SYNTAX = b"1.2.840.10008.1.2.1\0"
PIXELS_AT = FILE.index(b"\xe0\x7f\x10\x00OW")


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


def test_the_file_itself_passes():
    assert isinstance(engine().treat(FILE), Treated)


MALFORMED = {
    "empty": (b"", "not-dicom"),
    "text": (b"Dear colleague, " * 50, "not-dicom"),
    "no prefix": (FILE[:128] + b"DICX" + FILE[132:], "not-dicom"),
    "no data set": (FILE[:200], "meta-invalid"),
    "truncated header": (FILE[: PIXELS_AT - 20], "truncated"),
    "truncated pixels": (FILE[:-1], "truncated"),
    "garbage after the end": (FILE + b"garbage!", "out-of-order"),
    "a byte after the end": (FILE + b"\0", "truncated"),
    "unknown VR": (FILE.replace(b"\x10\x00\x20\x00LO", b"\x10\x00\x20\x00ZZ"), "vr-unknown"),
    "overlong length": (FILE.replace(b"\x08\x00\x50\x00SH\x08\x00", b"\x08\x00\x50\x00SH\xff\xff"), "truncated"),
    "duplicate tag": (FILE[:PIXELS_AT] + element(0x00400001, b"AE", b"A ") * 2 + FILE[PIXELS_AT:], "duplicate-tag"),
    "out of order": (
        FILE[:PIXELS_AT] + element(0x00400001, b"AE", b"A ") + element(0x00100020, b"LO", b"B ") + FILE[PIXELS_AT:],
        "out-of-order",
    ),
    "an item outside a sequence": (FILE[:PIXELS_AT] + b"\xfe\xff\x00\xe0\0\0\0\0" + FILE[PIXELS_AT:], "item-invalid"),
    "reserved bytes in use": (FILE.replace(b"\x10\x00OW\0\0", b"\x10\x00OWHI"), "value-invalid"),
    "unknown transfer syntax": (FILE.replace(SYNTAX, b"1.2.840.10008.1.9.1\0"), "transfer-syntax-unsupported"),
    "wrong transfer syntax": (FILE.replace(SYNTAX, b"1.2.840.10008.1.2\0\0\0"), "truncated"),
    "fragments that are none": (FILE.replace(SYNTAX, b"1.2.840.10008.1.2.5\0"), "pixels-mismatch"),
}  # fmt: skip


@pytest.mark.parametrize(("file", "reason"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_bytes_are_withheld(file, reason):
    assert withheld(file) == reason


@pytest.mark.parametrize(
    ("sop_class", "reason"),
    [
        ("1.2.840.10008.5.1.4.1.1.7", "pixels-unchecked"), ("1.2.840.10008.5.1.4.1.1.6.1", "pixels-unchecked"),
        ("1.2.840.10008.5.1.4.1.1.12.1", "pixels-unchecked"), ("1.2.3.4.5", "kind-unsupported"),
    ],
    ids=["secondary capture", "ultrasound", "angiography", "private"],
)  # fmt: skip
def test_an_image_of_another_class_is_withheld(sop_class, reason):
    made = ct()
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = UID(sop_class)
    assert withheld(encoded(made)) == reason


def test_an_object_without_pixels_of_another_class_is_withheld():
    made = ct()
    del made.PixelData
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.88.11")
    assert withheld(encoded(made)) == "kind-unsupported"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"BurnedInAnnotation": "YES"}, "pixels-unchecked"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "pixels-unchecked"),
        ({"ConversionType": "WSD"}, "pixels-unchecked"),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, "pixels-unchecked"),
        ({"Rows": 15}, "pixels-mismatch"),
        ({"NumberOfFrames": 2}, "pixels-mismatch"),
        ({"PatientID": ""}, "patient-id-empty"),
        ({"PatientID": "  "}, "patient-id-empty"),
        ({"PatientID": "Anonymous"}, "patient-id-junk"),
        ({"StudyInstanceUID": ""}, "identity-incomplete"),
        ({"SeriesInstanceUID": ""}, "identity-incomplete"),
        ({"StudyInstanceUID": ["1.2.3", "1.2.4"]}, "identity-incomplete"),
        ({"SeriesInstanceUID": "1.2.840.10008.1.1"}, "identity-incomplete"),
    ],
    ids=str,
)
def test_an_image_that_cannot_be_vouched_for_is_withheld(change, reason):
    made = ct()
    for keyword, value in change.items():
        setattr(made, keyword, value)
    assert withheld(encoded(made)) == reason


def test_an_image_without_pixels_is_withheld():
    made = ct()
    del made.PixelData
    assert withheld(encoded(made)) == "pixels-missing"


def test_file_meta_that_names_another_class_is_withheld():
    file = FILE.replace(b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.840.10008.5.1.4.1.1.4\0", 1)
    assert withheld(file) == "meta-mismatch"


def test_an_overlay_in_unused_bits_of_the_pixels_is_withheld():
    made = ct()
    made.add_new(0x60000102, "US", 12)
    assert withheld(encoded(made)) == "pixels-unchecked"


def test_sequences_beyond_64_levels_are_withheld():
    opening = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    closing = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    at = FILE.index(b"\x10\x00\x10\x00PN")
    deep = [FILE[:at] + opening * depth + closing * depth + FILE[at:] for depth in (64, 65, 5000)]
    assert isinstance(engine().treat(deep[0]), Treated)
    assert withheld(deep[1]) == withheld(deep[2]) == "too-deep"


def test_a_deflate_bomb_is_withheld_before_it_grows(monkeypatch):
    from processors.deid import part10

    monkeypatch.setattr(part10, "MAX_INFLATED", 1000)
    assert withheld(encoded(ct(), "deflated")) == "deflate-invalid"


def test_a_deflate_bomb_takes_no_more_memory_than_any_data_set_may(monkeypatch):
    """Sixty-four megabytes of zeros in 64 kilobytes, where one megabyte is free."""
    from processors.deid import part10

    monkeypatch.setattr(part10, "INFLATED_FREELY", 1 << 20)
    file = encoded(ct(), "deflated")
    start = 144 + int.from_bytes(file[140:144], "little")
    deflater = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    bomb = file[:start] + deflater.compress(bytes(64 << 20)) + deflater.flush()
    assert withheld(bomb, BY) == "deflate-invalid"
    tracemalloc.start()
    assert withheld(bomb, BY) == "deflate-invalid"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


def test_a_large_deflated_image_that_grows_as_images_do_passes(monkeypatch):
    """Beyond what is free, by less than so many times."""
    from processors.deid import part10

    monkeypatch.setattr(part10, "INFLATED_FREELY", 1000)
    assert isinstance(BY.treat(encoded(ct(), "deflated")), Treated)


@pytest.mark.parametrize("make", [lambda: seg([ct()]), lambda: rtstruct([ct()])], ids=["seg", "rtstruct"])
def test_a_truncated_annotation_is_withheld(make):
    file = encoded(make())
    for size in range(200, len(file), 97):
        assert isinstance(engine().treat(file[:size]), Withheld)


def test_a_bug_withholds_and_never_raises(monkeypatch):
    from processors.deid import engine as module

    monkeypatch.setattr(module, "preamble_and_meta", lambda *_: 1 / 0)
    assert withheld(FILE) == "engine-error"


def test_every_reason_is_explained_and_carries_no_value():
    assert set(REASONS) == set(Reason)


def test_withheld_says_a_code_and_nothing_of_the_instance():
    made = ct()
    made.BurnedInAnnotation = "YES"
    made.ReferencedImageSequence = items(dataset(PatientID="CANARY"))
    assert repr(engine().treat(encoded(made))) == "Withheld(reason='pixels-unchecked')"


def test_a_value_of_unknown_vr_that_its_own_vr_cannot_hold_is_withheld_by_its_own_code():
    """UN has four bytes of length, UI two."""
    value = (b"1.2.3.4.5.6\\" * 70_000)[:70_000]
    at = FILE.index(b"\x20\x00\x52\x00UI")
    length = int.from_bytes(FILE[at + 6 : at + 8], "little")
    file = FILE[:at] + struct.pack("<HH2sHI", 0x20, 0x52, b"UN", 0, len(value)) + value + FILE[at + 8 + length :]
    assert withheld(file) == "value-too-long"
