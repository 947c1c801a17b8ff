"""Independent readers accept what comes out: dciodvfy (dicom3tools) finds no new error, dcmtk and gdcm read it all."""

import re
import subprocess
from pathlib import Path

import gdcm
import pytest
from pydicom.data import get_testdata_file

from processors.deid import Engine, Profile
from processors.deid.burned_in import PixelCleaner
from sluice.deidentification.kinds import WITH_REPORTS
from tests.standard.corpus import KEY, SYNTAXES, cleaned, ct, encoded, mr, output, pet, read, rtstruct, seg
from tests.standard.kinds import PEOPLE, objects
from tests.unit.deid.burned_in.builders import Knows

pytestmark = pytest.mark.integration


def legacy_enhanced() -> bytes:
    """A multi-frame CT that highdicom makes of single frames."""
    import io

    from highdicom.legacy import LegacyConvertedEnhancedCTImage

    slices = [read(encoded(ct(number))) for number in (1, 2, 3)]
    made = LegacyConvertedEnhancedCTImage(slices, "1.2.840.99999.7", 7, "1.2.840.99999.7.1", 1)
    file = io.BytesIO()
    made.save_as(file, enforce_file_format=True)
    return file.getvalue()


MADE = {
    "ct": lambda: encoded(ct()),
    "mr": lambda: encoded(mr()),
    "pet": lambda: encoded(pet()),
    "seg": lambda: encoded(seg([ct(1), ct(2)])),
    "rtstruct": lambda: encoded(rtstruct([ct(1), ct(2)])),
    "enhanced ct": legacy_enhanced,
    **{f"ct {syntax}": (lambda syntax=syntax: encoded(ct(), syntax)) for syntax in SYNTAXES if syntax != "deflated"},
    **{
        name: (lambda name=name: Path(get_testdata_file(name)).read_bytes().replace(b"SECONDARY", b"PRIMARY\\M"))
        for name in ("CT_small.dcm", "MR_small.dcm", "MR_small_RLE.dcm", "liver_1frame.dcm", "693_J2KI.dcm")
    },
}  # fmt: skip


LOOKED_AT = ("sr", "ko", "us", "us multi-frame", "sc", "dx")
"""Kinds that pass cleaned, or by a profile that passes reports."""


def by_reports() -> Engine:
    """An engine whose cleaner masks one line in every image that can show text."""
    return Engine(Profile.load(WITH_REPORTS), KEY.project("test"), PixelCleaner(Knows()))


_NUMBERS = re.compile(r"(?<=\[)\d+(?=\])|(?<=<)[\d.]+(?=>)")
"""Places of items, which are others when items before them are gone, and UIDs."""


def errors(file: bytes, folder: Path) -> set[str]:
    """What dciodvfy calls an error."""
    path = folder / "object.dcm"
    path.write_bytes(file)
    result = subprocess.run(
        ["dciodvfy", "-new", str(path)], capture_output=True, text=True, check=False, errors="replace"
    )
    lines = (result.stdout + result.stderr).splitlines()
    return {_NUMBERS.sub("_", line) for line in lines if line.startswith("Error")}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_de_identification_makes_no_new_error(make, tmp_path):
    before = make()
    assert errors(output(before), tmp_path) <= errors(before, tmp_path)


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "big endian"])
@pytest.mark.parametrize("kind", LOOKED_AT)
def test_cleaning_of_pixels_and_content_makes_no_new_error(kind, syntax, tmp_path):
    before = encoded(objects(PEOPLE[0])[kind], syntax)
    assert errors(output(before, by_reports()), tmp_path) <= errors(before, tmp_path)


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "big endian"])
@pytest.mark.parametrize("kind", LOOKED_AT)
def test_dcmtk_reads_what_was_cleaned(kind, syntax, tmp_path):
    path = tmp_path / "object.dcm"
    path.write_bytes(output(encoded(objects(PEOPLE[0])[kind], syntax), by_reports()))
    result = subprocess.run(["dcmdump", "-q", str(path)], capture_output=True, text=True, check=False, errors="replace")
    assert (result.returncode, result.stderr) == (0, "")


def all_outputs() -> dict[str, bytes]:
    """One output of each of all."""
    made = {name: output(make()) for name, make in MADE.items()}
    return made | {kind: output(encoded(objects(PEOPLE[0])[kind]), by_reports()) for kind in LOOKED_AT}


def test_gdcm_reads_every_output_and_its_pixels(tmp_path):
    path = tmp_path / "object.dcm"
    for name, file in all_outputs().items():
        path.write_bytes(file)
        reader = gdcm.Reader()
        reader.SetFileName(str(path))
        assert reader.Read(), name
        if "PixelData" in read(file):
            images = gdcm.ImageReader()
            images.SetFileName(str(path))
            assert images.Read(), name
            assert images.GetImage().GetBuffer(), name


def test_pydicom_reads_every_value_of_every_output():
    for file in all_outputs().values():
        made = read(file)
        assert len(list(made.iterall())) > 20


def test_the_check_itself_finds_an_error(tmp_path):
    made = ct()
    del made.StudyInstanceUID
    assert errors(encoded(made), tmp_path) > errors(encoded(ct()), tmp_path)


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_dcmtk_reads_every_output(make, tmp_path):
    path = tmp_path / "object.dcm"
    path.write_bytes(output(make()))
    result = subprocess.run(["dcmdump", "-q", str(path)], capture_output=True, text=True, check=False, errors="replace")
    assert (result.returncode, result.stderr) == (0, "")


def test_a_multi_frame_object_keeps_every_frames_place_and_reference():
    file = legacy_enhanced()
    before, after = read(file), cleaned(file)
    frames = after.PerFrameFunctionalGroupsSequence
    assert len(frames) == 3
    for old, new in zip(before.PerFrameFunctionalGroupsSequence, frames, strict=True):
        assert old.PlanePositionSequence[0].ImagePositionPatient == new.PlanePositionSequence[0].ImagePositionPatient
    originals = {cleaned(ct(number)).SOPInstanceUID for number in (1, 2, 3)}
    sources = {each.ConversionSourceAttributesSequence[0].ReferencedSOPInstanceUID for each in frames}
    assert sources == originals
