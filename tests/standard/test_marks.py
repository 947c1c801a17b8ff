"""PS3.15 E.1.1 step 6, E.2, E.3.6: marks say what was done, and nothing that was not."""

import pytest

from processors.deid import Engine, Profile
from tests.standard.corpus import KEY, SYNTAXES, cleaned, ct, encoded, mr, pet, read, rtstruct, seg, treated

KINDS = {"ct": ct, "mr": mr, "pet": pet, "seg": lambda: seg([ct()]), "rtstruct": lambda: rtstruct([ct()])}


def codes(clean):
    return [(each.CodeValue, each.CodingSchemeDesignator) for each in clean.DeidentificationMethodCodeSequence]


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_every_kind_carries_the_marks(make):
    clean = cleaned(make())
    assert clean.PatientIdentityRemoved == "YES"
    assert codes(clean) == [("113100", "DCM"), ("113107", "DCM")]
    assert clean.LongitudinalTemporalInformationModified == "MODIFIED"


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_encoding_carries_the_marks(syntax):
    assert cleaned(encoded(ct(), syntax)).PatientIdentityRemoved == "YES"


def test_removed_dates_are_marked_as_removed():
    profile = Profile.load().model_copy(update={"dates": "removed"})
    clean = cleaned(ct(), Engine(profile, KEY.project("test")))
    assert codes(clean) == [("113100", "DCM")]
    assert clean.LongitudinalTemporalInformationModified == "REMOVED"


def test_the_method_names_profile_table_and_key_epoch_and_fits_its_vr():
    method = list(cleaned(ct()).DeidentificationMethod)
    text = " ".join(method)
    assert all(len(each) <= 64 for each in method)
    for part in (Profile.load().name, Profile.load().digest[:32], "2026c", KEY.project("test").epoch):
        assert part in text


def test_no_mark_claims_cleaned_pixels_or_faces():
    clean = cleaned(ct())
    assert "BurnedInAnnotation" not in clean
    assert "RecognizableVisualFeatures" not in clean


def test_earlier_marks_are_replaced_by_ours():
    made = ct()
    made.PatientIdentityRemoved, made.DeidentificationMethod = "NO", "CANARY"
    made.LongitudinalTemporalInformationModified = "UNMODIFIED"
    clean = cleaned(made)
    assert clean.PatientIdentityRemoved == "YES"
    assert clean.LongitudinalTemporalInformationModified == "MODIFIED"
    assert "CANARY" not in str(clean)


def test_no_mark_names_a_release_or_a_time():
    """An unchanged treatment gives unchanged bytes."""
    from importlib.metadata import version

    file = b"".join(treated(ct()).chunks)
    assert version("dicom-sluice").encode() not in file
    assert read(file).file_meta.ImplementationVersionName == "SLUICE"


def test_elements_are_in_order_with_the_marks_where_they_belong():
    tags = [element.tag for element in cleaned(ct())]
    assert tags == sorted(tags)
