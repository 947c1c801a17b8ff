"""The list of consents: what it says, and which lines it does not take."""

from pathlib import Path

import pytest

from processors.consent.answer import Answer
from processors.consent.consent_list import ConsentList
from processors.consent.errors import ConsentListError

HEAD = "patient_id,issuer,project,consent\n"


def listed(tmp_path: Path, rows: str, head: str = HEAD) -> ConsentList:
    file = tmp_path / "consent.csv"
    file.write_text(head + rows, "utf-8")
    return ConsentList.read(file)


@pytest.mark.parametrize(
    ("rows", "answer"),
    [
        ("1,A,lung,allow\n", Answer.ALLOW),
        ("1,A,lung,ALLOW\n", Answer.ALLOW),
        (" 1 , A , lung , allow \n", Answer.ALLOW),
        ("1,*,*,allow\n", Answer.ALLOW),
        ("1,A,,allow\n", Answer.ALLOW),
        ("1,A,lung,deny\n", Answer.DENY),
        ("1,A,lung,allow\n1,*,*,deny\n", Answer.DENY),
        ("1,A,*,allow\n1,A,lung,deny\n", Answer.DENY),
        ("1,A,lung,unknown\n", Answer.UNKNOWN),
        ("1,B,lung,allow\n", Answer.UNKNOWN),
        ("1,,lung,allow\n", Answer.UNKNOWN),
        ("2,A,lung,allow\n", Answer.UNKNOWN),
        ("1,A,liver,allow\n", Answer.UNKNOWN),
        ("", Answer.UNKNOWN),
    ],
)
def test_every_row_that_fits_speaks_and_one_denial_denies(tmp_path: Path, rows: str, answer: Answer) -> None:
    assert listed(tmp_path, rows).ask("1", "A", "lung") is answer


def test_columns_may_stand_in_any_order_behind_a_mark_and_between_semicolons(tmp_path: Path) -> None:
    found = listed(tmp_path, "allow;lung;A;1\n", head="\ufeffconsent;project;issuer;patient_id\n")
    assert found.ask("1", "A", "lung") is Answer.ALLOW


def test_an_umlaut_is_the_same_however_it_is_composed(tmp_path: Path) -> None:
    assert listed(tmp_path, "Mu\u0308ller,,lung,allow\n").ask("M\u00fcller", "", "lung") is Answer.ALLOW


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("1,A,lung,allow\n1,A,lung,yes\n", "Line 3"),
        ("1,A,lung,allow\n1,A,lung,deny\n", "Lines 2 and 3"),
        ("1,A,lung\n", "Line 2"),
        (",A,lung,allow\n", "Line 2"),
        ("*,A,lung,allow\n", "Line 2"),
        ("1,A,Two Lungs,allow\n", "Line 2"),
        ('1,A,lung,"allow\n', "Line 2"),
        ("1,A,lung,allow\n1,B,lung,den", "end of a line"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_without_its_values(tmp_path: Path, rows: str, said: str) -> None:
    with pytest.raises(ConsentListError, match=said) as raised:
        listed(tmp_path, rows)
    assert "Lungs" not in str(raised.value)
    assert raised.value.remedy


@pytest.mark.parametrize("head", ["", "patient,issuer,project,consent\n", "patient_id,issuer,consent\n"])
def test_a_list_without_its_columns_is_none(tmp_path: Path, head: str) -> None:
    with pytest.raises(ConsentListError, match="Line 1"):
        listed(tmp_path, "\n", head=head)


def test_what_is_no_text_or_no_file_is_none(tmp_path: Path) -> None:
    with pytest.raises(ConsentListError, match="read"):
        ConsentList.read(tmp_path / "none.csv")
    (tmp_path / "latin").write_bytes(b"patient_id\xff\n")
    with pytest.raises(ConsentListError, match="UTF-8"):
        ConsentList.read(tmp_path / "latin")


def test_printing_a_list_shows_no_patient(tmp_path: Path) -> None:
    assert "4711" not in repr(listed(tmp_path, "4711,A,lung,allow\n"))
