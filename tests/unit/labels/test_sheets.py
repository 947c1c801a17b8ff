"""What is read as a spreadsheet, and what stops an import before it begins."""

from pathlib import Path

import pytest

from processors.labels.errors import LabelsError, SheetError, VocabularyError
from processors.labels.sheet import read_sheet
from processors.labels.vocabulary import Vocabulary

STUDY = "1.2.3"


def write(folder: Path, content: bytes) -> Path:
    file = folder / "labels.csv"
    file.write_bytes(content)
    return file


@pytest.mark.parametrize(
    "content",
    [
        b"StudyInstanceUID,grade\n1.2.3,2\n",
        b"\xef\xbb\xbfStudyInstanceUID,grade\r\n1.2.3,2\r\n",
        b"StudyInstanceUID;grade\r\n1.2.3;2\r\n",
        b"sep=;\r\nStudyInstanceUID;grade\r\n1.2.3;2\r\n",
        b"StudyInstanceUID\tgrade\n1.2.3\t2",
        b'"StudyInstanceUID","grade"\n"1.2.3","2"\n',
        b" studyinstanceuid , grade \n 1.2.3 , 2 \n\n ,\n",
    ],
    ids=["RFC 4180", "Excel with BOM", "semicolons", "Excel's sep line", "tabs", "quotes", "blanks and empty lines"],
)
def test_a_sheet_is_read_however_spreadsheets_write_it(tmp_path, content):
    sheet = read_sheet(write(tmp_path, content))
    assert sheet.labels == ("grade",)
    [line] = sheet.lines
    assert (line.keys, line.values, line.whole) == ({"StudyInstanceUID": STUDY}, {"grade": "2"}, True)


def test_lines_are_counted_as_an_editor_counts_them(tmp_path):
    text = 'StudyInstanceUID,note\n1.1,"two\nlines"\n\n1.2,x\n'
    sheet = read_sheet(write(tmp_path, text.encode()))
    assert [(line.number, line.keys["StudyInstanceUID"]) for line in sheet.lines] == [(2, "1.1"), (5, "1.2")]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no key column"),
        (b"grade\n1\n", "no key column"),
        (b"IssuerOfPatientID,grade\nNORTH,1\n", "no key column"),
        (b"StudyInstanceUID\n1.2.3\n", "no label"),
        (b"StudyInstanceUID,Grade of Doe\n1.2.3,1\n", "Column 2"),
        (b"StudyInstanceUID,PatientName\n1.2.3,Doe\n", "Column 2"),
        (b"StudyInstanceUID,grade,grade\n1.2.3,1,1\n", "one name"),
        (b"StudyInstanceUID,grade\n1.2.3,caf\xe9\n", "Line 2 of the file is not UTF-8"),
        (b'StudyInstanceUID,grade\n1.2.3,1\n1.2.4,"open\n', "Line 3"),
    ],
    ids=[
        "empty",
        "no keys",
        "an issuer alone",
        "no labels",
        "a name with blanks",
        "a patient's name",
        "a name twice",
        "Latin-1",
        "an open quote",
    ],
)
def test_a_file_that_is_no_sheet_is_refused_with_a_remedy_and_without_its_cells(tmp_path, content, said):
    with pytest.raises(SheetError, match=said) as refused:
        read_sheet(write(tmp_path, content))
    assert "Doe" not in str(refused.value)
    assert (refused.value.exit_code, bool(refused.value.remedy)) == (2, True)


@pytest.mark.parametrize(
    "text", ["- a", "grade: yes please", "grade: [two words]", "Grade: [a]", "grade: [", "grade: [12]"]
)
def test_a_vocabulary_that_is_none_is_refused(tmp_path, text):
    file = tmp_path / "codes.yaml"
    file.write_text(text)
    with pytest.raises(VocabularyError):
        Vocabulary.load(file)


def test_codes_of_a_vocabulary_are_text_whatever_yaml_makes_of_them(tmp_path):
    file = tmp_path / "codes.yaml"
    file.write_text("smoker: [no, yes, unknown]\n")
    vocabulary = Vocabulary.load(file)
    assert vocabulary.allows("smoker", "no")
    assert not vocabulary.allows("smoker", "maybe")
    assert not vocabulary.allows("grade", "no")


@pytest.mark.parametrize(
    ("destination", "source"),
    [("nowhere", "reader"), ("handoff", "reader"), ("lung", "Dr. Doe"), ("lung", ""), ("lung", "a/b")],
    ids=["unknown", "several projects", "a person", "empty", "a path"],
)
def test_an_import_without_a_clear_destination_and_source_does_nothing(hospital, sheet, destination, source):
    with pytest.raises(LabelsError) as refused:
        hospital.run(sheet("StudyInstanceUID,grade", "1.2.3,1"), destination, source)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("name", ["lung", "handoff/lung"])
def test_a_destination_may_be_named_by_its_project_or_by_both(hospital, sheet, name):
    outcome = hospital.run(sheet("StudyInstanceUID,grade", "1.2.3,1"), name)
    assert (outcome.project, outcome.recorded) == ("lung", None)
