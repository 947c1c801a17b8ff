"""Patient IDs that many patients share are nobody's; ids that only resemble them are somebody's."""

import pytest

from processors.deid import Profile
from processors.deid.inherit import shipped
from processors.deid.junk_ids import JunkIds, SharedForm
from processors.vault.identities import unusable
from tests.standard.corpus import ct, encoded, engine, treated, withheld

BY = engine()
JUNK = Profile.load().junk

NOBODY = """
    0 00 0000 000000000 0000000000000000 00-00-00 000.000 9999 99999 999999999 99999999999 1111111 55555555 1234 12345
    123456 1234567 12345678 123456789 1234567890 0123456789 01234567 987654321 87654321 54321 0-0-0 123-45-6789
    000-00-0000 999-99-9999 X xxx AAAA ZZZZZ
    UNKNOWN unknown Unknown UNK ANONYMOUS Anonymized anonymised ANON_ TEST Test_Patient TEST^PATIENT TEST-PATIENT
    TestPatient N/A n.a. #N/A NULL (none) NaN undefined ? - -- *** ... _ NOTFALL EMERGENCY JOHN^DOE JOHNDOE Jane_Doe
    DOE^JOHN UNBEKANNT INCONNU DESCONOCIDO PHANTOM QA QC DUMMY DEMO SAMPLE NOID NO_ID TBD PATIENTID
    PATIENT TEMP TEST0 TEST000 UNKNOWN000 ANON0 ００００ ＴＥＳＴ
"""
SOMEBODY = """
    1 7 9 10 42 99 111 222 333 999 1001 1233 1235 2345 4711 5555 7777 11112 12344
    12346 90000 100000 000001 0000017 99998
    999998 1000000 10000000 123 0123 00123 112233 A0 T1 AA AB ABC XA X1 TEST1 TEST17 TEST-0815 ANON00123
    ANON-4711 PHANTOM3
    UNKNOWN-17 MRN-0000 MRN0 P000 JOHN TESTER ANONA NADIA NAN-17 QAX 0A 00A0 12-34-57 P-12345 A12345
"""


@pytest.mark.parametrize("patient_id", NOBODY.split())
def test_what_many_share_is_nobodys(patient_id):
    assert patient_id in JUNK


@pytest.mark.parametrize("patient_id", ["000000000", "Test^Patient", "００００"])
def test_what_is_nobodys_does_not_pass_the_engine(patient_id):
    made = ct()
    made.SpecificCharacterSet, made.PatientID = "ISO_IR 192", patient_id
    assert withheld(encoded(made), BY) == "patient-id-junk"


@pytest.mark.parametrize("patient_id", SOMEBODY.split())
def test_short_and_round_ids_are_somebodys(patient_id):
    assert patient_id not in JUNK


def test_a_short_id_passes_the_engine():
    made = ct()
    made.PatientID = "1"
    assert treated(made, BY)


def test_real_ids_are_next_to_never_held():
    """Of the numbers that a counter passes, fewer than one in 10 000 is held."""
    held = [number for number in range(1, 60_000) if str(number) in JUNK]
    assert held == [1234, 9999, 12345, 54321]


def test_each_form_says_why_and_is_a_rule_of_the_profile():
    for name in shipped():
        profile = Profile.load(name)
        assert profile.identified or profile.junk_patient_id_forms
        assert all(each.why for each in profile.junk_patient_id_forms)


def test_a_site_adds_words_and_forms_of_its_own(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "extends: research-default\nname: mine\nversion: 1\n"
        "junk_patient_ids: {drop: [QC], add: [WALKIN]}\n"
        "junk_patient_id_forms: {add: [{form: 'TRAUMA[0-9]*', why: the emergency room names all so}]}\n"
    )
    profile = Profile.load(str(mine))
    assert "Trauma 17" in profile.junk
    assert "walk-in" in profile.junk
    assert "QC" not in profile.junk
    assert profile.digest != Profile.load().digest


def test_a_form_that_is_none_is_refused():
    with pytest.raises(ValueError, match="regular expression"):
        SharedForm(form="[", why="broken")


def test_blanks_alone_are_no_shared_id_but_an_empty_one():
    assert " " not in JunkIds.of((), ())
    assert unusable("  ", Profile.load()) == "patient-id-empty"


def test_the_vault_asks_the_same_rules():
    assert unusable("000-000", Profile.load()) == "patient-id-junk"
    assert unusable("000-001", Profile.load()) is None
