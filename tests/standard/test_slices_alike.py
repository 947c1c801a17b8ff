"""Slices cleaned by what their series has in common: byte for byte what the full walk makes of each by itself."""

import io
import random
import struct
from functools import lru_cache
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from processors.deid import Engine, Profile, Treated, Withheld
from processors.deid.part10 import opened
from processors.deid.series import Series
from tests.performance.ct_series import slice_of
from tests.standard.corpus import KEY, SYNTAXES, cleaned, ct, dataset, encoded, items, mr, pet, read, seg
from tests.standard.kinds import PEOPLE, objects

ROWS = 16
PROFILES = ("research-default", "release-strict")


@lru_cache(maxsize=8)
def slices(count: int, syntax: str = "explicit") -> list[bytes]:
    return [encoded(slice_of(number, rows=ROWS), syntax) for number in range(1, count + 1)]


def facts(result: Treated | Withheld) -> object:
    """All that is said of an instance; what is written, as bytes."""
    if isinstance(result, Withheld):
        return result
    named = {name: getattr(result, name) for name in Treated.__slots__ if name != "chunks"}
    return named | {"file": b"".join(result.chunks)}


@pytest.fixture
def filled(monkeypatch) -> list[bool]:
    """Whether each instance fitted a template."""
    seen: list[bool] = []
    real = Series.filled

    def noted(self, part):
        found = real(self, part)
        seen.append(found is not None)
        return found

    monkeypatch.setattr(Series, "filled", noted)
    return seen


def full_walk(by: Engine) -> Engine:
    """An engine to which no slice is like another, and no file meta information either."""
    by._series.filled = lambda part: None
    by._opener.opened = opened
    return by


ENGINES = {name: Engine(Profile.load(name), KEY.project("test")) for name in PROFILES}
ALONE = {name: full_walk(Engine(Profile.load(name), KEY.project("test"))) for name in PROFILES}


def knowing_nothing(profile: str = PROFILES[0]) -> Engine:
    """An engine that has learned of no series yet."""
    by = ENGINES[profile]
    by._series = Series(by._identifying_of, by._vocabulary_tags)
    return by


def assert_same(files: list[bytes], profile: str = PROFILES[0]) -> None:
    """What an engine says of each of them after the others is what the full walk says of it."""
    by = knowing_nothing(profile)
    for number, file in enumerate(files):
        assert facts(by.treat(file)) == facts(ALONE[profile].treat(file)), number


@pytest.mark.parametrize("syntax", [each for each in SYNTAXES if each != "big endian"])
def test_most_slices_of_a_series_fit(filled, syntax):
    by = knowing_nothing()
    for file in slices(20, syntax):
        assert isinstance(by.treat(file), Treated)
    assert sum(filled) >= 14


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_slices_are_what_the_full_walk_makes_of_them(syntax):
    assert_same(slices(12, syntax))


@pytest.mark.parametrize("profile", PROFILES)
def test_under_every_profile(profile, filled):
    assert_same(slices(12), profile)
    assert any(filled)


def test_objects_of_every_kind_among_each_other():
    """Twice each, two patients in turn: what was learned of one is never said of another."""
    files = [encoded(made) for person in PEOPLE * 2 for made in objects(person).values()]
    slices_ = [encoded(each) for number in range(1, 5) for each in (ct(number), mr(number), pet(number))]
    assert_same(files + slices_ + [encoded(seg([ct(1), ct(2)]))] * 3)


CHANGES = {
    "patient": lambda made: setattr(made, "PatientID", "MRN-000002"),
    "name": lambda made: setattr(made, "PatientName", "Quittenbaum^Isolde"),
    "issuer": lambda made: setattr(made, "IssuerOfPatientID", "Elsewhere"),
    "study": lambda made: setattr(made, "StudyInstanceUID", "1.2.840.99999.54"),
    "series": lambda made: setattr(made, "SeriesInstanceUID", "1.2.840.99999.54.1"),
    "no instance": lambda made: setattr(made, "SOPInstanceUID", ""),
    "instance of the registry": lambda made: setattr(made, "SOPInstanceUID", made.SOPClassUID),
    "text": lambda made: setattr(made, "ImageComments", "Quittenbaum is well"),
    "burned in": lambda made: setattr(made, "BurnedInAnnotation", "YES"),
    "kind": lambda made: setattr(made, "ImageType", ["DERIVED", "SECONDARY", "SCREEN SAVE"]),
    "character set": lambda made: setattr(made, "SpecificCharacterSet", "ISO_IR 192"),
    "rows": lambda made: setattr(made, "Rows", ROWS // 2),
    "pixels": lambda made: setattr(made, "PixelData", made.PixelData[:-2]),
    "name in pixels": lambda made: setattr(made, "PixelData", b"TESTPERSON^MRN-1" + made.PixelData[16:]),
    "name in a sequence": lambda made: setattr(
        made, "ReferencedImageSequence", items(dataset(ReferencedSOPClassUID="1.2.3", PatientName="Hand^Li"))
    ),
    "another reference": lambda made: setattr(
        made,
        "ReferencedImageSequence",
        items(dataset(ReferencedSOPClassUID=made.SOPClassUID, ReferencedSOPInstanceUID="1.2.9.8.7")),
    ),
    "another day": lambda made: setattr(made, "ContentDate", "20240507"),
    "day of birth": lambda made: setattr(made, "ContentDate", "19510203"),
    "more": lambda made: setattr(made, "PatientTelephoneNumbers", "0123 456789"),
    "less": lambda made: delattr(made, "KVP"),
    "odd private": lambda made: made[0x00191011].__setattr__("value", "40.5"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_slice_unlike_the_others_is_judged_by_itself(change):
    """After six slices that are alike, one that differs, and the series goes on."""
    files = slices(8)
    odd = slice_of(9, rows=ROWS)
    CHANGES[change](odd)
    assert_same([*files[:6], encoded(odd), encoded(odd), *files[6:]])


@pytest.mark.parametrize(("old", "new"), [(b"0709", b"noon"), (b"-206.3", b"Testpe"), (b"20240506", b"20240231")])
def test_a_value_of_another_form_than_the_others(old, new):
    """Letters in a time and in a number, and a day that no month has."""
    files = slices(8)
    odd = encoded(slice_of(9, rows=ROWS))
    assert old in odd
    assert_same([*files[:6], odd.replace(old, new), *files[6:]])


@pytest.mark.parametrize("vr", [b"LO", b"PN", b"CS"])
def test_a_number_that_becomes_a_text_is_a_number_no_more(vr):
    """Slice Location under another VR, in half of the series, with a name in it at last."""
    files = slices(8)
    header = b"\x20\x00\x41\x10DS\x06\x00-"
    other = [file.replace(header, header.replace(b"DS", vr)) for file in files]
    assert other != files
    other += [file.replace(b"-20", b"Hol") for file in other]
    assert_same([*files[:4], *other, *files[4:]])


def test_bytes_overwritten_anywhere_in_a_slice():
    """Three hundred, seeded: one to three bytes of headers, lengths and values alike, and cuts and insertions."""
    chance = random.Random(7)
    files = slices(8)
    header = len(files[0]) - 2 * ROWS * ROWS
    by = knowing_nothing()
    for file in files:
        by.treat(file)
    for number in range(300):
        file = bytearray(chance.choice(files))
        for _ in range(chance.randrange(1, 4)):
            file[chance.randrange(132, header)] = chance.choice((0, 1, 0x20, 0x41, 0xFF, chance.randrange(256)))
        if number % 10 == 0:
            at = chance.randrange(132, header)
            file[at : at + chance.randrange(4)] = chance.randbytes(chance.randrange(4))
        assert facts(by.treat(bytes(file))) == facts(ALONE[PROFILES[0]].treat(bytes(file))), number


META = {
    "another class": lambda made: setattr(made.file_meta, "MediaStorageSOPClassUID", "1.2.840.10008.5.1.4.1.1.4"),
    "another instance": lambda made: setattr(made.file_meta, "MediaStorageSOPInstanceUID", "1.2.3.4"),
    "a long instance": lambda made: setattr(made.file_meta, "MediaStorageSOPInstanceUID", "1." + "2" * 61),
    "another writer": lambda made: setattr(made.file_meta, "ImplementationVersionName", "OTHER"),
    "a sender": lambda made: setattr(made.file_meta, "SourceApplicationEntityTitle", "CT1"),
}


@pytest.mark.parametrize("change", META)
def test_other_file_meta_information(change):
    files = slices(6)
    odd = slice_of(7, rows=ROWS)
    META[change](odd)
    assert_same([*files, encoded(odd), files[0], encoded(odd)])


def compressed(count: int, name: str) -> list[bytes]:
    """A series of slices made of a compressed file of pydicom's, whose pixels are the last that they have."""
    made = read(Path(get_testdata_file(name)).read_bytes())
    del made[0x7FE00011:]
    made.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    files = []
    for number in range(1, count + 1):
        made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = f"1.2.840.99999.77.{number}"
        made.InstanceNumber, made.SliceLocation = number, number * 1.5
        out = io.BytesIO()
        made.save_as(out)
        files.append(out.getvalue())
    return files


FRAMES = ("MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_RLE.dcm")


@pytest.mark.parametrize("name", FRAMES)
def test_compressed_slices_fit_too(name, filled):
    assert_same(compressed(7, name))
    assert sum(filled) >= 4


@pytest.mark.parametrize("name", FRAMES)
def test_of_compressed_slices_each_frame_is_looked_at(name, filled):
    """Something behind the image, a table of offsets to elsewhere, a fragment more, none, and something behind all."""
    files = compressed(6, name)
    last, delimiter = files[-1], bytes.fromhex("feffdde000000000")
    assert last.endswith(delimiter)
    at = last.index(bytes.fromhex("e07f1000")) + 12
    head, frames = last[:at], last[at:-8]
    (size,) = struct.unpack_from("<I", frames, 4)
    table, fragments = frames[: 8 + size], frames[8 + size :]
    hidden = fragments + b"Holzmann, Klothilde" * 5
    longer = fragments[:4] + struct.pack("<I", len(hidden) - 8 + 1) + hidden[8:] + b"."
    odd = [
        head + table + longer + delimiter,
        head + struct.pack("<HHI4s", 0xFFFE, 0xE000, 4, b"MRN-") + fragments + delimiter,
        head + table + fragments + fragments + delimiter,
        head + table + delimiter,
        last + b"MRN-4711" * 4,
        head + table + fragments,
        head[:-4] + struct.pack("<I", len(frames) + 8 + 8) + table + fragments + delimiter + b"MRN-4711",
    ]
    assert_same([*files, *odd, *files[:2]])
    assert filled[-1]
    assert sum(filled) <= 4 + 2 + 2  # of the odd ones the first two, whose images are whole and cleaned
    passed = [result for file in odd if isinstance(result := ENGINES[PROFILES[0]].treat(file), Treated)]
    assert passed
    assert not any(word in b"".join(each.chunks) for each in passed for word in (b"Holzmann", b"MRN-"))


def test_a_series_that_never_repeats_itself_is_no_longer_learned_from(monkeypatch):
    by, lessons = knowing_nothing(), []
    real = Series.learn
    monkeypatch.setattr(Series, "learn", lambda self, *args: (real(self, *args), lessons.append(self._lessons)))
    for number in range(1, 12):
        made = slice_of(number, rows=ROWS)
        made.SeriesDescription = f"part {number}"
        by.treat(encoded(made))
    assert lessons[-1] == lessons[-2] < len(lessons)


def test_the_learned_header_goes_with_the_series():
    """Nothing of a patient is kept beyond the series at hand."""
    by = knowing_nothing()
    for file in slices(4):
        by.treat(file)
    by.treat(encoded(ct()))
    assert "MRN-000001" not in repr(by._series._header)
    assert by._series._template is None


def test_what_fits_can_be_read(filled):
    by = knowing_nothing()
    for number, file in enumerate(slices(9), 1):
        made = cleaned(file, by)
        assert made.InstanceNumber == number
        assert made.pixel_array.shape == (ROWS, ROWS)
    assert filled[-1]
