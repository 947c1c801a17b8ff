"""The scan of the output finds what the walk let through, and lets clean objects be."""

import pytest

from processors.deid import Treated
from processors.deid import plan as plan_module
from processors.deid.plan import Action
from tests.standard.corpus import cleaned, code, ct, encoded, engine, items, seg, withheld


@pytest.fixture
def leaky(monkeypatch):
    """An engine whose walk keeps an attribute that it should not: the bug that the scan is there for."""

    def keep(keyword):
        tag = plan_module.tag_for_keyword(keyword)
        monkeypatch.setitem(plan_module._SPECIAL, tag, Action.KEEP)
        return engine()

    return keep


@pytest.mark.parametrize(
    "keyword",
    ["PatientName", "PatientID", "AccessionNumber", "ReferringPhysicianName", "InstitutionName", "StudyDate",
     "SOPInstanceUID", "StudyDescription", "IssuerOfPatientID"],
)  # fmt: skip
def test_an_identifying_value_that_the_walk_kept_withholds_the_instance(leaky, keyword):
    made = ct()
    made.ReferringPhysicianName = "Wegweiser^Wanda"
    assert withheld(encoded(made), leaky(keyword)) == "verify-hit"


@pytest.mark.parametrize("keyword", ["Manufacturer", "ManufacturerModelName", "SoftwareVersions", "ConvolutionKernel"])
@pytest.mark.parametrize("value", ["HOLZMANN", "for klothilde", "MRN-4711", "Holzmann 2"])
def test_a_name_or_id_in_technical_text_withholds_the_instance(keyword, value):
    made = ct()
    setattr(made, keyword, value)
    assert withheld(encoded(made)) == "verify-hit"


def test_a_short_name_in_a_coded_string_withholds_the_instance():
    """A longer one never gets so far: it is no term of the standard."""
    made = ct()
    made.PatientName, made.BodyPartExamined = "Holz^Klothilde", "HOLZ"
    assert withheld(encoded(made)) == "verify-hit"
    made.BodyPartExamined = "KLOTHILDE"
    assert cleaned(made).BodyPartExamined == "REMOVED"


def test_a_name_of_the_operator_found_in_a_sequence_withholds_the_instance():
    made = seg([ct()])
    made.OperatorsName = "Zauberer^Zeno"
    made.SegmentSequence[0].SegmentAlgorithmName = "by zauberer"
    assert withheld(encoded(made)) == "verify-hit"


def test_an_id_of_digits_in_a_number_withholds_the_instance():
    made = ct()
    made.PatientID = "70481122"
    made.SeriesNumber = 70481122
    assert withheld(encoded(made)) == "verify-hit"


@pytest.mark.parametrize(
    "name", ["Li^Bo", "Hand^Head", "Lung^Chest", "Brain", "Philips^GE", "Axial^Primary", "O^X", "CT"]
)
@pytest.mark.parametrize("patient_id", ["1", "16", "120", "CT1", "7"])
def test_a_short_or_everyday_name_or_id_does_not_stop_a_clean_object(name, patient_id):
    made = ct()
    made.PatientName, made.PatientID = name, patient_id
    made.Manufacturer, made.BodyPartExamined, made.StackID = "Philips", "HAND", "1"
    made.OperatorsName = "MR"
    assert isinstance(engine().treat(encoded(made)), Treated)
    label = seg([ct()])
    label.PatientName, label.PatientID = name, patient_id
    assert isinstance(engine().treat(encoded(label)), Treated)


def test_a_short_name_as_a_word_of_free_text_withholds_the_instance():
    made = ct()
    made.PatientName, made.ManufacturerModelName = "Li^Bo", "Scanner of LI"
    assert withheld(encoded(made)) == "verify-hit"


def test_no_word_of_our_own_marks_stops_anyone():
    made = ct()
    made.PatientName = "Profile^Table^Engine^Sluice^Modified"
    made.PatientID, made.InstitutionName = "113100", "Basic Application Confidentiality Profile"
    assert isinstance(engine().treat(encoded(made)), Treated)


def test_clean_slices_are_never_stopped_by_their_own_numbers():
    """The false alarm rate on clean CT: none in a thousand made-up patients."""
    by, alarms = engine(), 0
    template = ct()
    for number in range(1000):
        template.PatientID = f"{100 + number * 7919 % 99991}"
        template.PatientName = f"{['Smith', 'Gray', 'Long', 'Young', 'Stone', 'Marrow', 'Kohl', 'Ng'][number % 8]}^A"
        template.StudyDate = f"{1990 + number % 34}{number % 12 + 1:02}{number % 28 + 1:02}"
        template.SliceLocation, template.InstanceNumber = number * 1.25, number
        alarms += not isinstance(by.treat(encoded(template)), Treated)
    assert alarms <= 1


def test_code_meanings_are_the_dictionarys_and_so_no_leak():
    made = seg([ct()])
    made.PatientName = "Mass^Morphologically"
    made.SegmentSequence[0].SegmentedPropertyTypeCodeSequence = items(code("4147007", "SCT", "Mass"))
    assert cleaned(made).SegmentSequence[0].SegmentedPropertyTypeCodeSequence[0].CodeMeaning == "Mass"
