"""Keys that are wrong or ambiguous and values that are in doubt are listed by line and code, never guessed."""

import pytest

from processors.deid.pseudonyms import patient_pseudonym, pseudonymous_uid
from tests.unit.labels.hospital import listed

UIDS = {"study": "StudyInstanceUID", "series": "SeriesInstanceUID", "instance": "SOPInstanceUID"}


def uid(hospital, name: str, keyword: str) -> str:
    return str(getattr(hospital.seen[name], keyword))


@pytest.mark.parametrize(
    ("name", "keyword", "reason"),
    [
        ("withheld", "SOPInstanceUID", "withheld"),
        ("withheld", "SeriesInstanceUID", "withheld"),
        ("held", "StudyInstanceUID", "held"),
        ("in flight", "SOPInstanceUID", "not-confirmed"),
        ("just received", "StudyInstanceUID", "not-confirmed"),
        ("unmatched", "StudyInstanceUID", "other-destination"),
        ("heart", "StudyInstanceUID", "other-destination"),
        ("shared", "SeriesInstanceUID", "key-ambiguous"),
        ("disputed", "StudyInstanceUID", "several-patients"),
    ],
    ids=[
        "an instance that was withheld",
        "a series of which all was withheld",
        "a study that waits for a person",
        "an instance that nobody has confirmed",
        "a study that was not even routed",
        "a study that no rule names",
        "a study of another project",
        "a series of two studies",
        "a study of two patients",
    ],
)
def test_objects_that_the_destination_does_not_have_are_listed(hospital, sheet, name, keyword, reason):
    outcome = hospital.run(sheet(f"{keyword},grade", f"{uid(hospital, name, keyword)},1"), dry_run=True)
    assert listed(outcome) == [(2, reason)]
    assert outcome.judgement.taken == {}


@pytest.mark.parametrize(
    ("header", "cells", "reason"),
    [
        ("StudyInstanceUID", "1.2.3.4", "key-unknown"),
        ("StudyInstanceUID", "1.2E+10", "key-malformed"),
        ("PatientID", "HOSP-4712", "key-ambiguous"),
        ("PatientID", "4711", "key-unknown"),
        ("PatientID,IssuerOfPatientID", "HOSP-4712,WEST", "keys-disagree"),
        ("AccessionNumber", "A-2000", "key-ambiguous"),
        ("AccessionNumber", "A-9999", "key-unknown"),
        ("AccessionNumber,PatientID", "A-1001,HOSP-4712", "keys-disagree"),
        ("PatientID", "HOSP-9", "not-confirmed"),
        ("PatientID", "HOSP-7", "key-unknown"),
    ],
    ids=[
        "a UID never seen",
        "a UID that a spreadsheet spoilt",
        "one ID of two hospitals",
        "a part of an ID",
        "an issuer that has no such patient",
        "one accession number of two studies",
        "an accession number never seen",
        "an order of another patient",
        "a patient of whom nothing was confirmed",
        "a patient whose only study is disputed",
    ],
)
def test_keys_that_fit_nothing_or_several_things_are_listed(hospital, sheet, header, cells, reason):
    outcome = hospital.run(sheet(f"{header},grade", f"{cells},1"), dry_run=True)
    assert listed(outcome) == [(2, reason)]


def test_keys_that_contradict_each_other_are_listed(hospital, sheet):
    study, other = uid(hospital, "slice", "StudyInstanceUID"), uid(hospital, "other study", "SeriesInstanceUID")
    outcome = hospital.run(sheet("StudyInstanceUID,SeriesInstanceUID,grade", f"{study},{other},1"), dry_run=True)
    assert listed(outcome) == [(2, "keys-disagree")]


def test_a_coarser_key_may_tell_apart_what_a_finer_one_leaves_open(hospital, sheet):
    series = uid(hospital, "shared", "SeriesInstanceUID")
    study = uid(hospital, "shared", "StudyInstanceUID")
    by_study = sheet("StudyInstanceUID,SeriesInstanceUID,grade", f"{study},{series},1")
    assert listed(hospital.run(by_study, dry_run=True)) == []
    by_order = sheet("AccessionNumber,SeriesInstanceUID,grade", f"A-6002,{series},1")
    assert listed(hospital.run(by_order, dry_run=True)) == []


@pytest.mark.parametrize(
    ("level", "header", "cells"),
    [
        ("patient", "PatientID", ("PatientID",)),
        ("study", "AccessionNumber", ("AccessionNumber",)),
        ("study", "StudyInstanceUID", ("StudyInstanceUID",)),
        ("series", "SeriesInstanceUID", ("SeriesInstanceUID",)),
        ("instance", "SOPInstanceUID", ("SOPInstanceUID",)),
        ("instance", "PatientID,AccessionNumber,SOPInstanceUID", ("PatientID", "AccessionNumber", "SOPInstanceUID")),
    ],
)
def test_the_finest_key_names_the_level_and_pseudonyms_are_those_of_de_identification(
    hospital, sheet, level, header, cells
):
    keys = ",".join(uid(hospital, "slice", keyword) for keyword in cells)
    outcome = hospital.run(sheet(f"{header},grade", f"{keys},1"), dry_run=True)
    [target] = outcome.judgement.taken
    project = hospital.home.place.keys.project("lung")
    depth = ("patient", "study", "series", "instance").index(level)
    originals = [uid(hospital, "slice", keyword) for keyword in UIDS.values()][:depth]
    expected = (patient_pseudonym(project, "HOSP-4711"), *(pseudonymous_uid(project, each) for each in originals))
    assert target.level == level
    assert tuple(part for part in target[1:] if part is not None) == expected


def test_pseudonyms_are_those_that_the_package_has(hospital, sheet):
    outcome = hospital.run(sheet("SOPInstanceUID,grade", f"{uid(hospital, 'slice', 'SOPInstanceUID')},1"), dry_run=True)
    [target] = outcome.judgement.taken
    place = hospital.home.place
    for pseudonym, keyword in zip(target[2:], UIDS.values(), strict=True):
        assert place.vault.original_of("lung", pseudonym) == uid(hospital, "slice", keyword)
    assert place.vault.patient_of("lung", target.patient) == ("HOSP-4711", "")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no further findings", "value-not-allowed"),
        ("a_token_of_more_than_16_letters", "value-not-allowed"),
        ("007", "value-not-allowed"),
        ("3,5", "cell-count"),
        ("1.2.840.1", "value-not-allowed"),
        ("Rita", "identifying-value"),
        ("20240506", "date-like"),
        ("31121999", "date-like"),
        ("1234567890", "number-too-long"),
        ("HOSP-4711", "value-not-allowed"),
        ("4711", "identifying-value"),
        ("Testperson", "identifying-value"),
        ("testperson", "identifying-value"),
        ("TESTPERSONx", "identifying-value"),
        ("Zuweiserin", "identifying-value"),
        ("1951", "identifying-value"),
        ("18662", "identifying-value"),
        ("510203", "identifying-value"),
        ("1001", "identifying-value"),
        ("=1+1", "value-not-allowed"),
        ("2026-01-01", "value-not-allowed"),
    ],
)
def test_a_value_that_is_free_text_or_names_the_patient_is_listed(hospital, sheet, value, reason):
    study = uid(hospital, "slice", "StudyInstanceUID")

    outcome = hospital.run(sheet("StudyInstanceUID,grade", f"{study},{value}"), dry_run=True)
    assert listed(outcome) == [(2, reason)]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("2", 2),
        ("-2.50", -2.5),
        ("3.0", 3),
        ("1e2", 100),
        ("TRUE", True),
        ("false", False),
        ("benign", "benign"),
        ("BI-RADS_4a", "BI-RADS_4a"),
        ("T2N0", "T2N0"),
        ("12.75", 12.75),
    ],
)
def test_numbers_booleans_and_short_codes_are_values(hospital, sheet, cell, value):
    study = uid(hospital, "slice", "StudyInstanceUID")
    outcome = hospital.run(sheet("StudyInstanceUID,grade", f"{study},{cell}"), dry_run=True)
    [said] = outcome.judgement.taken.values()
    assert said == {"grade": value}
    assert type(said["grade"]) is type(value)


def test_a_vocabulary_allows_its_codes_and_no_others(hospital, sheet, tmp_path):
    (tmp_path / "codes.yaml").write_text("grade: [a-code-that-is-longer-than-others]\n")
    first, second = (uid(hospital, name, "StudyInstanceUID") for name in ("slice", "other study"))
    file = sheet("StudyInstanceUID,grade", f"{first},a-code-that-is-longer-than-others", f"{second},benign")
    outcome = hospital.run(file, vocabulary=tmp_path / "codes.yaml", dry_run=True)
    assert listed(outcome) == [(3, "value-not-allowed")]
    assert outcome.judgement.imported == 1


def test_no_vocabulary_lets_the_name_of_the_patient_through(hospital, sheet, tmp_path):
    (tmp_path / "codes.yaml").write_text("grade: [Testperson, HOSP-4711]\n")
    study = uid(hospital, "slice", "StudyInstanceUID")
    file = sheet("StudyInstanceUID,grade,other", f"{study},Testperson,", f"{study},HOSP-4711,")
    outcome = hospital.run(file, vocabulary=tmp_path / "codes.yaml", dry_run=True)
    assert listed(outcome) == [(2, "identifying-value"), (3, "identifying-value")]


def test_a_column_with_as_many_codes_as_lines_is_no_column_of_findings(hospital, sheet):
    study = uid(hospital, "slice", "StudyInstanceUID")
    columns = ",".join(f"c{number}" for number in range(40))
    codes = [
        f"{study}," + "," * number + f"code{'abcdefghij'[number % 10]}{'abcd'[number // 10]}" for number in range(40)
    ]
    crowded = sheet("StudyInstanceUID," + columns, *[line + "," * (39 - n) for n, line in enumerate(codes)])
    assert listed(hospital.run(crowded, dry_run=True)) == [], "one code in each of forty columns is fine"
    instances = [f"{study},{code.split(',')[-1]}" for code in codes]
    outcome = hospital.run(sheet("StudyInstanceUID,reader", *instances), dry_run=True)
    assert set(outcome.judgement.by_reason()) == {"too-many-codes"}
    assert outcome.judgement.imported == 0


def test_lines_that_contradict_each_other_are_all_listed_whichever_key_names_the_object(hospital, sheet):
    study, other = (uid(hospital, name, "StudyInstanceUID") for name in ("slice", "other study"))
    outcome = hospital.run(
        sheet(
            "StudyInstanceUID,AccessionNumber,grade,quality",
            f"{study},,1,good",
            f"{other},,2,good",
            ",A-1001,2,good",
            f"{study},,,good",
        ),
        dry_run=True,
    )
    assert listed(outcome) == [(2, "contradiction"), (4, "contradiction")]
    assert sorted(map(str, outcome.judgement.taken.values())) == sorted(
        map(str, [{"grade": 2, "quality": "good"}, {"quality": "good"}])
    )


def test_true_contradicts_one(hospital, sheet):
    study = uid(hospital, "slice", "StudyInstanceUID")
    outcome = hospital.run(sheet("StudyInstanceUID,grade", f"{study},1", f"{study},true"), dry_run=True)
    assert listed(outcome) == [(2, "contradiction"), (3, "contradiction")]


def test_a_value_that_is_refused_contradicts_all_the_same(hospital, sheet):
    study = uid(hospital, "slice", "StudyInstanceUID")
    outcome = hospital.run(sheet("StudyInstanceUID,grade", f"{study},1", f"{study},see the report"), dry_run=True)
    assert listed(outcome) == [(2, "contradiction"), (3, "value-not-allowed")]


def test_a_line_that_says_nothing_new_is_listed_and_one_that_adds_something_is_not(hospital, sheet):
    study = uid(hospital, "slice", "StudyInstanceUID")
    outcome = hospital.run(
        sheet("StudyInstanceUID,grade,quality", f"{study},1,", f"{study},1.0,", f"{study},1,good"), dry_run=True
    )
    assert listed(outcome) == [(3, "duplicate-row")]
    assert list(outcome.judgement.taken.values()) == [{"grade": 1, "quality": "good"}]


def test_of_a_line_in_doubt_nothing_is_taken(hospital, sheet):
    study = uid(hospital, "slice", "StudyInstanceUID")
    outcome = hospital.run(sheet("StudyInstanceUID,grade,quality", f"{study},1,by Dr. Doe"), dry_run=True)
    assert listed(outcome) == [(2, "value-not-allowed")]
    assert outcome.judgement.listed[0].columns == ("quality",)
    assert outcome.judgement.taken == {}


@pytest.mark.parametrize(
    ("cells", "reason"), [(",1,", "no-key"), ("{study},,", "no-value"), ("{study},1", "cell-count")]
)
def test_a_line_without_key_value_or_cells_is_listed(hospital, sheet, cells, reason):
    line = cells.format(study=uid(hospital, "slice", "StudyInstanceUID"))
    outcome = hospital.run(sheet("StudyInstanceUID,grade,quality", line), dry_run=True)
    assert listed(outcome) == [(2, reason)]


def test_a_patient_of_one_hospital_is_named_with_the_issuer(hospital, sheet):
    outcome = hospital.run(sheet("PatientID,IssuerOfPatientID,grade", "HOSP-4712,NORTH,1"), dry_run=True)
    [target] = outcome.judgement.taken
    keys = hospital.home.place.keys.project("lung")
    assert target.patient == patient_pseudonym(keys, "HOSP-4712", "NORTH")


def test_pseudonyms_of_another_key_epoch_are_not_labelled_with_those_of_today(hospital, sheet):
    study = uid(hospital, "other study", "StudyInstanceUID")
    ledger = hospital.home.place.ledger
    rows = hospital.home.rows(
        "SELECT s.id, s.treatment FROM shipments s JOIN deliveries d ON d.id = s.delivery_id WHERE d.study_uid = ?",
        study,
    )
    try:
        for id_, treatment in rows:
            epoch = hospital.home.place.keys.project("lung").epoch
            assert epoch in str(treatment)
            ledger.execute(
                "UPDATE shipments SET treatment = ? WHERE id = ?", (str(treatment).replace(epoch, "x/0"), id_)
            )
        outcome = hospital.run(sheet("StudyInstanceUID,grade", f"{study},1"), dry_run=True)
    finally:
        for id_, treatment in rows:
            ledger.execute("UPDATE shipments SET treatment = ? WHERE id = ?", (treatment, id_))
    assert listed(outcome) == [(2, "other-key-epoch")]
