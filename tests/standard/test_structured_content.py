"""PS3.15 E.3.4: content items that measure or classify stay, those of text, names and the patient go whole."""

import pytest
from pydicom.uid import EnhancedCTImageStorage

from processors.deid import Engine, Profile
from processors.deid.codes import dictionary
from processors.deid.explain import explain
from processors.deid.options import STRUCTURED_CONTENT
from processors.deid.profile import Clean, Retain
from processors.deid.structured import SEQUENCES, patient_concepts
from processors.deid.table_e1_1 import table
from sluice.deidentification.kinds import WITH_REPORTS
from tests.standard.corpus import KEY, cleaned, code, ct, dataset, encoded, items, output
from tests.standard.kinds import PEOPLE, objects


def profile(**retain) -> Profile:
    cleaning = {"clean": Clean(structured_content=True), "retain": Retain(**retain)}
    return Profile.load().model_copy(update=cleaning)


def by(**retain) -> Engine:
    return Engine(profile(**retain), KEY.project("test"))


def public() -> tuple[str, str]:
    return next(key for key in dictionary() if key[0] == "DCM" and key not in patient_concepts())


def item(concept: tuple[str, str], **values):
    scheme, value = concept
    return dataset(ConceptNameCodeSequence=items(code(value, scheme, "CANARY-NAME")), **values)


def with_items(*found):
    """An enhanced CT, whose IOD has the Acquisition Context Module (PS3.3 C.7.6.14)."""
    made = ct()
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
    made.AcquisitionContextSequence = items(*found)
    return made


def number(value="42.5"):
    return {
        "ValueType": "NUMERIC",
        "NumericValue": value,
        "MeasurementUnitsCodeSequence": items(code("mm", "UCUM", "CANARY-UNIT")),
    }


def test_without_the_option_there_is_no_content():
    """X/Z, Type 2 here."""
    clean = cleaned(with_items(item(public(), **number())))
    assert not clean.get("AcquisitionContextSequence")


def test_numbers_and_public_codes_stay_with_the_dictionarys_words():
    mass = items(code("4147007", "SCT", "CANARY"))
    made = with_items(item(public(), **number()), item(public(), ValueType="CODE", ConceptCodeSequence=mass))
    measured, classified = cleaned(made, by()).AcquisitionContextSequence
    assert measured.NumericValue == 42.5
    assert measured.ConceptNameCodeSequence[0].CodeMeaning == dictionary()[public()][:64]
    assert classified.ConceptCodeSequence[0].CodeMeaning == "Mass"
    assert b"CANARY" not in output(made, by())


@pytest.mark.parametrize(
    "values",
    [{"ValueType": "TEXT", "TextValue": "CANARY"}, {"ValueType": "PNAME", "PersonName": "CANARY^Name"}],
    ids=["text", "name"],
)
def test_text_and_names_go_whole(values):
    made = with_items(item(public(), **values), item(public(), **number()))
    assert len(cleaned(made, by()).AcquisitionContextSequence) == 1
    assert b"CANARY" not in output(made, by())


def test_a_private_concept_goes_with_its_value():
    assert not cleaned(with_items(item(("99HOUSE", "AGE"), **number("97"))), by()).AcquisitionContextSequence


@pytest.mark.parametrize(("concept", "retained"), patient_concepts().items(), ids=str)
def test_what_the_patient_is_goes_or_is_retained_with_the_characteristics(concept, retained):
    made = with_items(item(concept, **number("97")))
    assert not cleaned(made, by()).AcquisitionContextSequence
    assert len(cleaned(made, by(patient_characteristics=True)).AcquisitionContextSequence) == retained


def test_an_age_is_never_in_content():
    """Nothing caps a number."""
    assert patient_concepts()["DCM", "121033"] is False


def test_items_inside_items_are_looked_at_too():
    inner = item(public(), ValueType="TEXT", TextValue="CANARY")
    outer = item(public(), **number())
    outer.ContentSequence = items(inner)
    assert b"CANARY" not in output(with_items(outer), by())


def test_every_row_of_the_option_is_cleaned():
    named = {tag for tag, row in table().items() if row.options.get(STRUCTURED_CONTENT.column) == "C"}
    assert named <= SEQUENCES


def test_the_object_names_the_option():
    codes = [each.CodeValue for each in cleaned(ct(), by()).DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113104", "113107"]


def test_explain_says_which_items_go():
    file = encoded(with_items(item(public(), ValueType="TEXT", TextValue="CANARY"), item(public(), **number())))
    gone = [each for each in explain(file, profile()).decisions if each.tag == "(FFFE,E000)"]
    assert [(each.path, each.action) for each in gone] == [("AcquisitionContextSequence/", "remove")]
    assert "113104" in gone[0].why


def test_what_points_at_another_item_by_its_place_goes_since_places_change():
    """PS3.3 C.17.3.2.5: a reference by position would name another item when one before it is gone."""
    pointing = dataset(RelationshipType="INFERRED FROM", ReferencedContentItemIdentifier=[1, 3])
    made = with_items(item(public(), **number()), pointing)
    assert len(cleaned(made, by()).AcquisitionContextSequence) == 1


def test_content_of_which_nothing_is_left_is_no_empty_sequence():
    """Content Sequence is Type 1C (PS3.3 C.17.3), Acquisition Context Sequence Type 2."""
    engine = Engine(Profile.load(WITH_REPORTS), KEY.project("test"))
    made = objects(PEOPLE[0])["ko"]
    del made.ContentSequence[1]
    assert "ContentSequence" not in cleaned(made, engine)
    clean = cleaned(with_items(item(public(), TextValue="well")), by())
    assert "AcquisitionContextSequence" in clean
    assert not clean.AcquisitionContextSequence
