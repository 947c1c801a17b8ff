"""PS3.15 E.3.6: dates move by whole days, the same for all of a patient's studies; intervals stay."""

from datetime import date

import pytest

from processors.deid import Engine, Profile
from processors.deid.dates import shifted
from processors.deid.pseudonyms import FURTHEST_DAYS, shift_days
from tests.standard.corpus import KEY, cleaned, ct, encoded, output, pet


def day(value):
    return date(int(value[:4]), int(value[4:6]), int(value[6:]))


def test_intervals_between_studies_of_one_patient_stay():
    first, second = ct(1), ct(2)
    second.StudyInstanceUID, second.StudyDate = "1.2.3.4", "20240612"
    assert (day(cleaned(second).StudyDate) - day(cleaned(first).StudyDate)).days == 37


def test_every_date_of_an_instance_moves_by_the_same_days():
    made = ct()
    made.AcquisitionDateTime = "20240506070809.123456+0200"
    made.ContentDate = "20240507"
    clean = cleaned(made)
    days = (day(clean.StudyDate) - day(made.StudyDate)).days
    assert -FURTHEST_DAYS <= days <= -1
    assert (day(clean.ContentDate) - day("20240507")).days == days
    assert (day(clean.AcquisitionDateTime[:8]) - day("20240506")).days == days
    assert clean.AcquisitionDateTime[8:] == "070809.123456+0200"


def test_times_of_day_stay_so_that_decay_can_be_corrected():
    """E.3.6 note 4: standardized uptake values need the time between injection and series."""
    made = pet()
    clean = cleaned(made)
    assert clean.SeriesTime == made.SeriesTime
    assert clean.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartTime == "060708"


def test_the_birth_date_is_no_date_of_the_option():
    assert cleaned(ct()).PatientBirthDate == ""


@pytest.mark.parametrize(
    ("vr", "value", "expected"),
    [
        (b"DA", b"20240301", b"20240229"), (b"DA", b"2024.03.01", b"20240229"), (b"DA", b"", b""),
        (b"DA", b"20240301\\20240302", b"20240229\\20240301"), (b"DA", b"20241301", None), (b"DA", b"HOLZMANN", None),
        (b"DA", b"2024", None), (b"DA", b"00010101", None), (b"DT", b"20240301", b"20240229"),
        (b"DT", b"202403010203", b"202402290203"), (b"DT", b"202403", None), (b"DT", b"20240301 Holz", None),
        (b"DT", b"20240301020304.5-0500", b"20240229020304.5-0500"),
    ],
)  # fmt: skip
def test_a_value_moves_or_is_no_date(vr, value, expected):
    assert shifted(vr, value, -1) == expected


def test_what_is_no_date_is_treated_by_the_table():
    made = ct()
    made["StudyDate"].value = ""
    assert cleaned(made).StudyDate == ""


def test_patients_shift_apart_and_projects_too():
    keys = KEY.project("test")
    assert len({shift_days(keys, f"P{n}") for n in range(50)}) > 40
    assert shift_days(keys, "P1") != shift_days(KEY.project("other"), "P1")


def test_removed_dates_leave_no_date():
    profile = Profile.load().model_copy(update={"dates": "removed"})
    clean = cleaned(ct(), Engine(profile, KEY.project("test")))
    assert clean.StudyDate == clean.ContentDate == ""
    assert "AcquisitionDate" not in clean
    assert "SeriesDate" not in clean


@pytest.mark.parametrize("number", ["471112", "071099", "235961", "246000.5"])
def test_a_number_that_is_no_time_of_day_does_not_pass_as_one(number):
    made = encoded(ct()).replace(b"TM\x06\x00071011", b"TM%c\0%s" % (len(number), number.encode()))
    assert number.encode() in made
    assert number.encode() not in output(made)


def test_every_time_of_day_stays():
    for time in ("000000", "235960", "2359", "07", "070809.5"):
        made = ct()
        made.ContentTime = time
        assert cleaned(made).ContentTime == time
