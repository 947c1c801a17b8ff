"""PS3.3 8: a public code stays with the dictionary's meaning; a private one, or a meaning of the file's own, goes."""

import pytest

from processors.deid import Engine, Profile
from processors.deid.profile import Retain
from tests.standard.corpus import KEY, cleaned, code, ct, encoded, items, seg, withheld


def of(*codes):
    made = seg([ct()])
    made.SegmentSequence[0].SegmentedPropertyTypeCodeSequence = items(*codes)
    return cleaned(made).SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0]


def test_a_known_code_keeps_its_value_and_gets_the_dictionarys_meaning():
    clean = of(code("4147007", "SCT", "Tumour of Mrs Holzmann"))
    assert (clean.CodeValue, clean.CodingSchemeDesignator, clean.CodeMeaning) == ("4147007", "SCT", "Mass")


def test_an_unknown_code_of_a_public_scheme_keeps_its_value_but_no_meaning():
    clean = of(code("999999999999", "SCT", "Holzmann"))
    assert (clean.CodeValue, clean.CodeMeaning) == ("999999999999", "SCT 999999999999")


@pytest.mark.parametrize(
    ("value", "scheme"), [("HOLZMANN", "SCT"), ("1", "99HOSPITAL"), ("Holzmann", "L"), ("{Holzmann}", "UCUM")]
)
def test_a_private_or_malformed_code_is_replaced(value, scheme):
    clean = of(code(value, scheme, "Holzmann"))
    assert (clean.CodeValue, clean.CodingSchemeDesignator, clean.CodeMeaning) == ("REMOVED", "99SLUICE", "Removed")


def test_old_snomed_codes_are_known():
    assert of(code("T-A0100", "SRT", "Gehirn")).CodeMeaning.startswith("Brain")


def test_a_segment_label_passes_word_by_word():
    made = seg([ct()])
    assert cleaned(made).SegmentSequence[0].SegmentLabel == "Lung lesion 1"
    made.SegmentSequence[0].SegmentLabel = "Lung of Kowalczyk"
    assert cleaned(made).SegmentSequence[0].SegmentLabel == "REMOVED"
    for number in ("19510203", "03.02.51", "471-112-3", "471_112_3", "(471) 112"):
        made.SegmentSequence[0].SegmentLabel = f"Lung {number}"
        assert cleaned(made).SegmentSequence[0].SegmentLabel == "REMOVED"


RETAINED = Profile.load().model_copy(update={"retain": Retain(institution_identity=True, device_identity=True)})


@pytest.mark.parametrize(
    ("value", "scheme", "meaning"),
    [("17", "99HOSP", "Local code"), ("4147007", "SCT", "Mass"), ("999999999999", "SCT", "Local code")],
)
def test_a_code_that_an_option_retains_loses_the_meaning_that_people_wrote(value, scheme, meaning):
    made = ct()
    made.InstitutionCodeSequence = items(code(value, scheme, "Ward of Kowalczyk, born 3 Feb 1951"))
    clean = cleaned(made, Engine(RETAINED, KEY.project("test"))).InstitutionCodeSequence[0]
    assert (clean.CodeValue, clean.CodingSchemeDesignator, clean.CodeMeaning) == (value, scheme, meaning)


@pytest.mark.parametrize("value", ["HOLZMANN", "MRN-4711", "Klothilde 2"])
def test_a_retained_code_that_names_the_patient_withholds_the_object(value):
    made = ct()
    made.InstitutionCodeSequence = items(code(value, "99HOSP", "Ward"))
    assert withheld(encoded(made), Engine(RETAINED, KEY.project("test"))) == "verify-hit"
