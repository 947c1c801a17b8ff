"""What a pull asks for: lines of a list, each one question, or one window of dates; and filters on both.

A list is CSV whose first line names its columns; a list of Study Instance UIDs alone needs no first line. Values are
taken literally: a wildcard in a list is a mistake, for it would fetch patients that nobody listed.
"""

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from processors.pull.errors import ListFileError, NothingAskedError

COLUMNS: Final = {
    "patientid": "PatientID",
    "accessionnumber": "AccessionNumber",
    "studyinstanceuid": "StudyInstanceUID",
}
_LENGTHS: Final = {"PatientID": 64, "AccessionNumber": 16, "StudyInstanceUID": 64}
_UID: Final = re.compile(r"[0-9]+(\.[0-9]+)+")
_NOT_LITERAL: Final = re.compile(r"[*?\\\x00-\x1f]")
_NAMED: Final = 20
"""How many bad lines a message names."""


@dataclass(frozen=True, slots=True, repr=False)
class Question:
    """Keys of one C-FIND on study level. PHI: it has no revealing repr."""

    number: int
    """Line of the list, counted from 1; 0 for a window."""
    keys: dict[str, str]

    def __repr__(self) -> str:
        return f"Question({self.number})"


@dataclass(frozen=True, slots=True)
class Filter:
    """What holds for all questions of a pull."""

    first_day: date | None = None
    last_day: date | None = None
    modality: str | None = None
    description: str | None = None

    def keys(self) -> dict[str, str]:
        """As keys of C-FIND (PS3.4 C.2.2.2)."""
        days = [f"{day:%Y%m%d}" if day else "" for day in (self.first_day, self.last_day)]
        given = {
            "StudyDate": "-".join(days) if any(days) else "",
            "ModalitiesInStudy": self.modality or "",
            "StudyDescription": self.description or "",
        }
        return {keyword: value for keyword, value in given.items() if value}


def questions_of(list_file: Path | None, chosen: Filter) -> list[Question]:
    """All questions of a pull.

    Raises:
        ListFileError: the list cannot be used.
        NothingAskedError: there is neither a list nor a day.
    """
    if list_file is not None:
        return [Question(number, {**chosen.keys(), **keys}) for number, keys in _read_list(list_file)]
    if chosen.first_day is None and chosen.last_day is None:
        raise NothingAskedError("This would ask for everything that the peer has.")
    return [Question(0, chosen.keys())]


def digest_of(peer: str, questions: Sequence[Question]) -> str:
    """The same questions to the same peer have the same digest; it says nothing of their values."""
    asked = [peer, [[question.number, sorted(question.keys.items())] for question in questions]]
    return hashlib.sha256(json.dumps(asked).encode()).hexdigest()


def _read_list(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    rows = _rows(file)
    if not rows:
        raise ListFileError(f"{file} has no lines.")
    number, first = rows[0]
    columns = [COLUMNS.get(cell.replace(" ", "").replace("_", "").lower(), "") for cell in first]
    if all(columns):
        rows = rows[1:]
    elif len(first) == 1 and _UID.fullmatch(first[0]):
        columns = ["StudyInstanceUID"]
    else:
        raise ListFileError(f"{file}, line {number}: it does not name the columns.")
    bad = {number: why for number, cells in rows if (why := _wrong(columns, cells))}
    if bad:
        named = "; ".join(f"line {number}: {why}" for number, why in list(bad.items())[:_NAMED])
        more = f"; and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
        raise ListFileError(f"{file} has {len(bad)} lines that cannot be used. {named}{more}.")
    for number, cells in rows:
        yield number, {column: cell for column, cell in zip(columns, cells, strict=True) if cell}


def _rows(file: Path) -> list[tuple[int, list[str]]]:
    """Line number and cells of each line that is not blank."""
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ListFileError(f"{file} is not UTF-8.") from error
    except OSError as error:
        raise ListFileError(f"{file} cannot be read: {error.strerror}.") from error
    head = text.partition("\n")[0]
    delimiter = next((each for each in ";\t" if each in head), ",")
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise ListFileError(f"{file}, line {reader.line_num}: it is no CSV.") from error
    return [(number, cells) for number, cells in rows if any(cells)]


def _wrong(columns: Sequence[str], cells: Sequence[str]) -> str:
    """Why a line cannot be used, without its values; empty when it can."""
    if len(cells) != len(columns):
        return f"{len(cells)} columns instead of {len(columns)}"
    for column, cell in zip(columns, cells, strict=True):
        if _NOT_LITERAL.search(cell):
            return f"{column} has a wildcard or control character"
        if len(cell) > _LENGTHS[column]:
            return f"{column} is longer than {_LENGTHS[column]} characters"
        if column == "StudyInstanceUID" and cell and not _UID.fullmatch(cell):
            return "StudyInstanceUID is no UID"
    return ""
