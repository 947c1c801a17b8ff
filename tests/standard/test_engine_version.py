"""An unchanged treatment gives unchanged bytes, and a changed one another ENGINE_VERSION.

A small corpus is treated by two profiles that are written here, so that the shipped ones may change with their own
versions. Our own mark, which names engine and profile, is taken out of what is compared.
"""

import hashlib
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from processors.deid import Engine, Profile, Treated
from processors.deid.marks import ENGINE_VERSION, method
from processors.deid.reasons import Reason
from processors.deid.table_e1_1 import EDITION
from tests.standard.corpus import KEY, SYNTAXES, ct, encoded, mr, pet, rtstruct, seg
from tests.standard.kinds import PEOPLE, objects
from tests.standard.test_unused_bits import measured

MADE_BY = {
    ("3", "2026c"): "8a30130a9c6919c5",
}
"""What each engine with each edition of Table E.1-1 makes of the corpus. A change of outputs adds a line, with
ENGINE_VERSION risen; a line is never changed once it has been released, and the last one is what is here now."""

_STORAGE = "1.2.840.10008.5.1.4.1.1"
_IMAGES = ("2", "2.1", "4", "4.1", "128", "66.4", "481.3", "6.1", "3.1", "7", "1.1")
_REPORTS = ("88.11", "88.22", "88.33", "88.59")
_STRICT = {
    "name": "pinned-strict",
    "version": 1,
    "dates": "removed",
    "passes": {"images": [f"{_STORAGE}.{each}" for each in _IMAGES], "annotations": []},
    "junk_patient_ids": [],
    "junk_patient_id_forms": [],
    "technical_text": ["Manufacturer", "ManufacturerModelName", "ConvolutionKernel"],
    "vocabulary_text": ["SegmentLabel"],
    "vocabulary": ["lung"],
    "technical_bulk": ["LUTData"],
    "coding_schemes": {"DCM": "[0-9]{4,6}", "SCT": "[0-9]{6,18}"},
    "innocent_words": ["TOSHIBA", "MR"],
}
PROFILES = {
    "strict": Profile.model_validate(_STRICT),
    "open": Profile.model_validate({
        **_STRICT,
        "name": "pinned-open",
        "dates": "modified",
        "passes": {"images": [f"{_STORAGE}.{each}" for each in _IMAGES + _REPORTS], "annotations": []},
        "retain": {"patient_characteristics": True, "device_identity": True, "safe_private": True},
        "clean": {"descriptors": True, "structured_content": True},
    }),
}  # fmt: skip
COMPRESSED = ("MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_RLE.dcm", "SC_rgb_rle_16bit.dcm")


def corpus() -> dict[str, bytes]:
    """Files by name, each the same in every process."""
    files = {f"ct {syntax}": encoded(ct(), syntax) for syntax in SYNTAXES}
    files |= {made.Modality.lower(): encoded(made) for made in (mr(), pet(), seg([ct()]), rtstruct([ct()]))}
    files |= {f"of a person, {kind}": encoded(made) for kind, made in objects(PEOPLE[1]).items()}
    files |= {f"hidden bit {bit}": encoded(measured(hidden=bit)) for bit in (12, 15)}
    files["hidden above signs"] = encoded(measured(signed=True, hidden=13))
    for name in COMPRESSED:
        files[name] = Path(get_testdata_file(name)).read_bytes().replace(b"SECONDARY", b"PRIMARY\\M")
    return files


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """What comes out, by profile and file: the bytes in a digest, or the reason why nothing does."""
    found = {}
    for profile_name, profile in PROFILES.items():
        by = Engine(profile, KEY.project("pinned"))
        said = method(profile, by.keys).encode()
        for name, file in corpus().items():
            result = by.treat(file)
            if isinstance(result, Treated):
                whole = b"".join(result.chunks)
                assert whole.count(said) == 1, name
                answer = hashlib.sha256(whole.replace(said, b"")).hexdigest()[:16]
            else:
                answer = result.reason
            found[f"{profile_name}: {name}"] = answer
    return found


def test_the_output_changes_only_with_the_engines_version(made):
    """When it fails: print `made` here and before the change to see which files have become others."""
    digest = hashlib.sha256("\n".join(f"{name} {answer}" for name, answer in sorted(made.items())).encode())
    assert {(ENGINE_VERSION, EDITION): digest.hexdigest()[:16]} == dict([list(MADE_BY.items())[-1]])


def test_the_corpus_is_treated_and_little_of_it_withheld(made):
    withheld = [answer for answer in made.values() if answer in set(Reason)]
    assert len(made) - len(withheld) >= 40, made


def test_no_two_engines_are_said_to_make_the_same():
    assert len(set(MADE_BY.values())) == len(MADE_BY)
    assert [version for version, _ in MADE_BY] == sorted((version for version, _ in MADE_BY), key=int)
