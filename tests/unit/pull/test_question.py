"""What a list may say, and that a bad line is named by its number and never by its values."""

from datetime import date
from pathlib import Path

import pytest

from processors.pull.errors import ListFileError, NothingAskedError
from processors.pull.question import Filter, digest_of, questions_of

SECRET = "HOSP4711"


def asked(tmp_path: Path, text: str, chosen: Filter | None = None) -> list[tuple[int, dict[str, str]]]:
    (tmp_path / "list.csv").write_text(text)
    return [(each.number, each.keys) for each in questions_of(tmp_path / "list.csv", chosen or Filter())]


def test_each_line_is_a_question_of_its_columns(tmp_path: Path) -> None:
    text = "PatientID,AccessionNumber\nP1,A1\n\nP2,\n"
    assert asked(tmp_path, text) == [(2, {"PatientID": "P1", "AccessionNumber": "A1"}), (4, {"PatientID": "P2"})]


@pytest.mark.parametrize("first", ["accession number", "Accession_Number", "\ufeffAccessionNumber"])
def test_columns_are_named_as_people_write_them(tmp_path: Path, first: str) -> None:
    assert asked(tmp_path, f"{first}\nA1\n") == [(2, {"AccessionNumber": "A1"})]


def test_uids_alone_need_no_first_line(tmp_path: Path) -> None:
    assert asked(tmp_path, "1.2.3\n1.2.4\n") == [(1, {"StudyInstanceUID": "1.2.3"}), (2, {"StudyInstanceUID": "1.2.4"})]


def test_filters_hold_for_every_line(tmp_path: Path) -> None:
    chosen = Filter(date(2024, 1, 1), None, "CT", None)
    assert asked(tmp_path, "PatientID\nP1\n", chosen) == [
        (2, {"StudyDate": "20240101-", "ModalitiesInStudy": "CT", "PatientID": "P1"})
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{SECRET}\n{SECRET}2\n", "line 1: it does not name the columns"),
        (f"PatientID\nP1\n{SECRET}*\n", "line 3: PatientID has a wildcard"),
        (f"PatientID,AccessionNumber\n{SECRET}\n", "line 2: 1 columns instead of 2"),
        (f"AccessionNumber\n{SECRET}{SECRET}{SECRET}\n", "line 2: AccessionNumber is longer than 16"),
        (f"StudyInstanceUID\n{SECRET}\n", "line 2: StudyInstanceUID is no UID"),
        ("", "has no lines"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_without_its_values(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ListFileError, match=said) as refused:
        asked(tmp_path, text)
    assert SECRET not in str(refused.value)


def test_without_list_and_window_nothing_is_asked() -> None:
    with pytest.raises(NothingAskedError):
        questions_of(None, Filter(modality="CT"))


def test_the_same_questions_are_the_same_job(tmp_path: Path) -> None:
    window = questions_of(None, Filter(date(2024, 1, 1), date(2024, 1, 31)))
    other = questions_of(None, Filter(date(2024, 1, 1), date(2024, 2, 1)))
    assert digest_of("pacs", window) == digest_of("pacs", window)
    assert len({digest_of("pacs", window), digest_of("pacs", other), digest_of("archive", window)}) == 3


def test_a_question_hides_its_values() -> None:
    [window] = questions_of(None, Filter(date(2024, 1, 1)))
    assert "2024" not in repr(window)
