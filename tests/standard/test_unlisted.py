"""Default deny: a planted value in each attribute of PS3.6 that the table does not list, in every kind and encoding.

Numbers stay (numeric VRs pass), and so does text that the profile names as technical; nothing else does.
"""

from functools import lru_cache

import pytest
from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import tag_for_keyword

from processors.deid import Profile
from processors.deid.table_e1_1 import removed_by_pattern, table
from tests.standard.corpus import Canary, canary, dataset, encoded, nested, output, plant, survivors
from tests.standard.kinds import PASSING, PEOPLE

NUMBERS = {"AT", "DS", "FD", "FL", "IS", "OD", "OF", "OL", "OV", "SL", "SS", "SV", "UL", "US", "UV"}
IMAGE_FACTS = {
    tag_for_keyword(keyword)
    for keyword in ("PhotometricInterpretation", "ImageType", "ConversionType", "BurnedInAnnotation", "PixelData",
                    "SpecificCharacterSet", "SOPClassUID", "Modality", "FloatPixelData", "DoubleFloatPixelData")
}  # fmt: skip
"""What decides whether an image passes at all."""


def vr_of(tag: int) -> str:
    return DicomDictionary[tag][0].split(" or ")[-1]


@lru_cache
def planted() -> tuple[Canary, ...]:
    """A canary for every unlisted attribute whose VR is no number and that is no technical text of the profile."""
    profile = Profile.load()
    named = {tag_for_keyword(keyword) for keyword in (*profile.technical_text, *profile.technical_bulk)}
    tags = (
        tag
        for tag in DicomDictionary
        if tag not in table() and tag not in named | IMAGE_FACTS and 0x0008 <= tag >> 16 < 0xFFFA
        and vr_of(tag) not in NUMBERS | {"TM", "NONE", "AS"} and not removed_by_pattern(tag)
    )  # fmt: skip
    return tuple(made for number, tag in enumerate(tags, 1) if (made := canary(tag, number)))


def test_the_corpus_covers_the_dictionary():
    kinds = {vr_of(each.tag) for each in planted()}
    assert {"CS", "LO", "SH", "ST", "LT", "UT", "UI", "DA", "DT", "PN", "SQ", "OB", "OW"} <= kinds
    assert len(planted()) > 1500


def test_an_identity_copy_fails_the_check():
    file = encoded(plant(PASSING["ct"](PEOPLE[0]), list(planted())))
    assert len(survivors(file, list(planted()))) == len(planted())


def values(*, sequences: bool) -> list[Canary]:
    """The planted values; sequences cost most of the time, and one kind shows what becomes of them."""
    return [each for each in planted() if sequences or vr_of(each.tag) != "SQ"]


def test_no_unlisted_value_survives_in_an_image_whose_every_sequence_is_planted():
    assert not survivors(output(plant(PASSING["ct"](PEOPLE[0]), values(sequences=True))), list(planted()))


@pytest.mark.parametrize("kind", PASSING)
def test_no_unlisted_value_survives_in_any_kind(kind):
    assert not survivors(output(plant(PASSING[kind](PEOPLE[0]), values(sequences=False))), list(planted()))


@pytest.mark.parametrize(
    ("syntax", "depth"), [("explicit", 1), ("implicit", 4), ("big endian", 2), ("deflated", 3), ("implicit", 40)]
)
def test_no_unlisted_value_survives_in_nested_sequences(syntax, depth):
    made = nested(PASSING["ct"](PEOPLE[0]), plant(dataset(), values(sequences=False)), depth)
    assert not survivors(output(encoded(made, syntax)), list(planted()))
