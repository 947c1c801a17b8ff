"""PS3.15 E.3: each option by its column of Table E.1-1, row by row: what it keeps, what it cleans, and nothing else.

The rows come from the table's file itself, not from the code that reads it.
"""

import csv
from importlib import resources

import pytest
from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import keyword_for_tag

from processors.deid import Engine, Profile
from processors.deid.codes import dictionary
from processors.deid.options import BASIC_PROFILE, OPTIONS
from processors.deid.profile import Clean, Retain
from tests.standard.corpus import (
    KEY,
    canary,
    cleaned,
    code,
    ct,
    dataset,
    encoded,
    items,
    nested,
    output,
    plant,
    survivors,
    withheld,
)

OWN = {0x00080018, 0x0020000D, 0x0020000E, 0x00100010, 0x00100020}
"""What the corpus' objects are identified by; they are looked at one by one."""

DATES = ("DA", "DT", "TM")
NOT_RETAINED = {"OB", "SQ", "CS"}
"""VRs whose planted value no option retains: bulk is what nobody can look into, sequences are cleaned, and a coded
string that is no term is replaced wherever it stands."""

RETAINING = {
    "retain_uids": {"dates": "full", "retain": Retain(uids=True)},
    "retain_device_identity": {"retain": Retain(device_identity=True)},
    "retain_institution_identity": {"retain": Retain(institution_identity=True)},
    "retain_patient_characteristics": {"retain": Retain(patient_characteristics=True)},
    "retain_full_dates": {"dates": "full"},
}
DESCRIBING = {
    "clean_descriptors": {"clean": Clean(descriptors=True)},
    "retain_patient_characteristics": {"retain": Retain(patient_characteristics=True)},
    "retain_device_identity": {"retain": Retain(device_identity=True)},
}


def rows() -> dict[int, dict[str, str]]:
    """Every row that a data set can hold, by tag."""
    text = resources.files("processors.deid.data").joinpath("table-e.1-1.csv").read_text("utf-8")
    found = {}
    for line in csv.DictReader(text.splitlines()):
        if line["basic_2026c"]:
            tag = int(line["tag"][1:5] + line["tag"][6:10], 16)
            if tag >> 16 >= 8 and tag in DicomDictionary and tag not in OWN:
                found[tag] = line
    return found


ROWS = rows()


def vr(tag: int) -> str:
    return DicomDictionary[tag][0].split(" or ")[-1]


def by(**changes) -> Engine:
    """An engine of the basic profile alone and what is changed."""
    profile = Profile.load().model_copy(update={"name": "test", "dates": "removed", **changes})
    return Engine(profile, KEY.project("test"))


def planted():
    return [each for number, tag in enumerate(ROWS) if (each := canary(tag, number))]


def expected(columns: tuple[str, ...]) -> set[str]:
    """Tags of the rows with K in any of the columns, as `survivors` names them."""
    dates = "retain_full_dates" in columns
    return {
        f"{tag:08X}"
        for tag, line in ROWS.items()
        if any(line[column] == "K" for column in columns)
        and vr(tag) not in NOT_RETAINED
        and (vr(tag) not in DATES or dates)
        and (canary(tag, 1) is not None)
    }


@pytest.mark.parametrize("depth", [0, 2])
@pytest.mark.parametrize("column", RETAINING)
def test_an_option_retains_the_rows_of_its_column_and_no_other(column, depth):
    marked = planted()
    made = nested(ct(), plant(dataset(), marked), depth) if depth else plant(ct(), marked)
    columns = (column, "retain_full_dates") if RETAINING[column].get("dates") == "full" else (column,)
    kept = set(survivors(output(made, by(**RETAINING[column])), marked))
    assert kept == expected(columns)
    assert len([tag for tag in kept if ROWS[int(tag, 16)][column] == "K"]) >= 3


@pytest.mark.parametrize("column", RETAINING)
def test_a_retained_coded_string_stays_if_it_is_a_term(column):
    coded = [tag for tag, line in ROWS.items() if line[column] == "K" and vr(tag) == "CS"]
    made = ct()
    for tag in coded:
        made.add_new(tag, "CS", "ALTERED")
    clean = cleaned(made, by(**RETAINING[column]))
    assert [clean.get(tag) and clean[tag].value for tag in coded] == ["ALTERED"] * len(coded)


def test_without_an_option_no_row_is_retained():
    marked = planted()
    assert not survivors(output(plant(ct(), marked), by()), marked)


def test_every_option_at_once_retains_the_rows_of_every_column():
    marked = planted()
    everything = {
        "dates": "full",
        "retain": Retain(uids=True, device_identity=True, institution_identity=True, patient_characteristics=True),
        "clean": Clean(descriptors=True),
    }
    assert set(survivors(output(plant(ct(), marked), by(**everything)), marked)) == expected(tuple(RETAINING))


@pytest.mark.parametrize("column", DESCRIBING)
def test_an_option_cleans_text_of_its_column_word_by_word(column):
    """Every row with C and text keeps what is known, and loses the rest; every other row loses it all."""
    texts = {tag for tag in ROWS if vr(tag) in ("AE", "LO", "LT", "SH", "ST", "UC", "UT")}
    made = ct()
    for tag in texts:
        made.add_new(tag, vr(tag), "Lung Kwiat" if ROWS[tag][column] == "K" else "Lung Zabel")
    clean = cleaned(made, by(**DESCRIBING[column]))
    for tag in texts:
        kept = str(clean.get(tag).value) if tag in clean else ""
        known = {"C": "Lung", "K": "Lung Kwiat", "": None}[ROWS[tag][column]]
        assert kept == known if known else "Lung" not in kept, keyword_for_tag(tag)


def test_a_retained_sequence_is_cleaned_and_keeps_its_codes():
    """K on a sequence: its items are treated like any other, but local codes say which device or institution it is."""
    sequences = [tag for tag, line in ROWS.items() if vr(tag) == "SQ" and "K" in (
        line["retain_device_identity"], line["retain_institution_identity"]
    )]  # fmt: skip
    made = ct()
    for tag in sequences:
        item = code("W7", "99HOUSE", "Ward seven")
        item.PatientComments = "CANARY"
        made.add_new(tag, "SQ", items(item))
    clean = cleaned(made, by(retain=Retain(device_identity=True, institution_identity=True)))
    for tag in sequences:
        assert clean[tag].value[0].CodeMeaning == "Local code", keyword_for_tag(tag)
        assert clean[tag].value[0].CodeValue == "W7"
        assert "PatientComments" not in clean[tag].value[0]
    assert len(sequences) > 5


@pytest.mark.parametrize("dates", ["full", "modified", "removed"])
def test_dates_of_devices_follow_the_choice_of_dates(dates):
    """A calibration on the day of the examination would tell by how much that day was shifted."""
    both = [tag for tag, line in ROWS.items() if line["retain_device_identity"] == "K" and vr(tag) in ("DA", "DT")]
    made = plant(ct(), [canary(tag, number) for number, tag in enumerate(both, 1)])
    with_device = cleaned(made, by(dates=dates, retain=Retain(device_identity=True)))
    without = cleaned(made, by(dates=dates))
    for tag in both:
        assert with_device.get(tag) == without.get(tag), keyword_for_tag(tag)
        assert (tag in with_device and with_device[tag].value == made[tag].value) == (dates == "full")
    assert len(both) > 5


def test_every_date_that_an_option_of_dates_names_has_both_letters():
    """So that full and modified differ in how, never in what."""
    for line in ROWS.values():
        assert (line["retain_full_dates"], line["retain_modified_dates"]) in (("K", "C"), ("", ""))


def test_the_birth_date_is_never_retained():
    assert cleaned(ct(), by(dates="full")).PatientBirthDate == ""


def test_full_dates_may_be_months_or_years():
    """PS3.5 6.2: components of a DT may be left out, which no number of days could move."""
    made = ct()
    made.AcquisitionDateTime = "202405"
    assert cleaned(made, by(dates="full")).AcquisitionDateTime == "202405"
    assert "AcquisitionDateTime" not in cleaned(made, by(dates="modified"))


@pytest.mark.parametrize(
    ("age", "kept"),
    [
        ("045Y", "045Y"), ("089Y", "089Y"), ("090Y", "090Y"), ("091Y", "090Y"), ("120Y", "090Y"), ("999Y", "090Y"),
        ("003W", "003W"), ("011M", "011M"), ("999M", "999M"), ("000D", "000D"), ("", ""),
    ],
)  # fmt: skip
def test_ages_above_89_years_are_one(age, kept):
    made = ct()
    made.PatientAge = age
    assert cleaned(made, by(retain=Retain(patient_characteristics=True))).PatientAge == kept
    assert "PatientAge" not in cleaned(made, by())


def test_characteristics_too_short_for_a_canary_are_retained():
    made = ct()
    made.PatientSex, made.PregnancyStatus, made.PatientWeight = "F", 3, "61.5"
    clean = cleaned(made, by(retain=Retain(patient_characteristics=True)))
    assert (clean.PatientSex, clean.PregnancyStatus, clean.PatientWeight) == ("F", 3, 61.5)
    clean = cleaned(made, by())
    assert clean.PatientSex == ""
    assert "PregnancyStatus" not in clean
    assert "PatientWeight" not in clean


def test_retained_text_is_kept_in_its_character_set():
    made = ct()
    made.SpecificCharacterSet, made.InstitutionName = "ISO_IR 192", "Universitätsklinik Süd"
    clean = cleaned(made, by(retain=Retain(institution_identity=True)))
    assert clean.InstitutionName == "Universitätsklinik Süd"


def test_a_name_in_a_retained_attribute_withholds_the_instance():
    """The scan of the output knows which attributes are retained, and still looks for people in them."""
    made = ct()
    made.InstitutionName = "Praxis Klothilde Holzmann"
    engine = by(retain=Retain(institution_identity=True))
    assert withheld(encoded(made), engine) == "verify-hit"


def test_retained_uids_are_the_same_everywhere_and_what_is_no_uid_is_replaced():
    made = ct()
    made.FrameOfReferenceUID = "1.2.3.777.1"
    clean = cleaned(encoded(made).replace(b"1.2.3.777.1\0", b"Holzmann.777"), by(**RETAINING["retain_uids"]))
    assert (clean.SOPInstanceUID, clean.StudyInstanceUID) == (made.SOPInstanceUID, made.StudyInstanceUID)
    assert clean.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID
    assert clean.FrameOfReferenceUID.startswith("2.25.")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("CT Thorax Holzmann", "CT Thorax"), ("Lung/Liver, 5 mm", "Lung/Liver, 5 mm"), ("Lung 1.5", "Lung 1.5"),
        ("Lung 19510203", "Lung"), ("Lung 03.02.51", "Lung"), ("Lung 030 123 45", "Lung"), ("Lung4711", None),
        ("Klothilde", None), ("Müller Lung", "Lung"), ("", None), ("Lung (left)", "Lung (left)"),
        ("Lung (Kwiat)", "Lung"), ("Lung 471_112_3", "Lung"), ("Lung (471) 112+3", "Lung"),
    ],
)  # fmt: skip
def test_a_description_keeps_words_that_are_known(text, kept):
    made = ct()
    made.StudyDescription = text
    assert cleaned(made, by(clean=Clean(descriptors=True))).get("StudyDescription") == kept


def test_a_known_word_that_is_also_a_name_of_this_patient_goes():
    made = ct()
    made.PatientName, made.StudyDescription = "Hand^Peter", "Hand of Mr Hand, bone"
    assert cleaned(made, by(clean=Clean(descriptors=True))).StudyDescription == "of Mr, bone"


@pytest.mark.parametrize(
    ("changes", "codes", "temporal"),
    [
        ({}, [], "REMOVED"), ({"dates": "modified"}, ["113107"], "MODIFIED"),
        ({"dates": "full"}, ["113106"], "UNMODIFIED"),
        ({"clean": Clean(descriptors=True)}, ["113105"], "REMOVED"),
        ({"retain": Retain(patient_characteristics=True)}, ["113108"], "REMOVED"),
        ({"retain": Retain(device_identity=True)}, ["113109"], "REMOVED"),
        ({"dates": "full", "retain": Retain(uids=True)}, ["113106", "113110"], "UNMODIFIED"),
        ({"retain": Retain(institution_identity=True)}, ["113112"], "REMOVED"),
    ],
)  # fmt: skip
def test_an_object_names_the_options_that_it_was_treated_by(changes, codes, temporal):
    clean = cleaned(ct(), by(**changes))
    named = [(each.CodeValue, each.CodeMeaning) for each in clean.DeidentificationMethodCodeSequence]
    assert [value for value, _ in named] == ["113100", *codes]
    assert all(dictionary()["DCM", value] == meaning for value, meaning in named)
    assert clean.LongitudinalTemporalInformationModified == temporal


def test_the_options_are_those_of_the_standard():
    """PS3.16 CID 7050."""
    assert [each.code for each in (BASIC_PROFILE, *OPTIONS)] == [str(number) for number in range(113100, 113113)]
    assert all(dictionary()["DCM", each.code] == each.meaning for each in (BASIC_PROFILE, *OPTIONS))
    columns = {column for line in ROWS.values() for column in line if column.startswith(("retain_", "clean_"))}
    assert {each.column for each in OPTIONS if each.column} == columns
