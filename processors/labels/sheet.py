"""Reads the spreadsheet: CSV as RFC 4180 says, in UTF-8 with or without BOM, with commas, semicolons or tabs."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from processors.labels.errors import SheetError

KEYS: Final = (
    "PatientID",
    "IssuerOfPatientID",
    "AccessionNumber",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPInstanceUID",
)
"""Columns that say what a line labels, by their DICOM keywords, from the patient down."""
_NAMING: Final = frozenset(KEYS) - {"IssuerOfPatientID"}
_LABEL: Final = re.compile(r"[a-z0-9_]{1,63}")
_DELIMITERS: Final = ",;\t"


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what it labels and what it says, as text without outer blanks. PHI: prints nothing of it."""

    number: int
    keys: dict[str, str] = field(repr=False)
    values: dict[str, str] = field(repr=False)
    whole: bool = True
    """Whether it has as many cells as the header."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file that has a usable header."""

    labels: tuple[str, ...]
    """Names of the label columns, in their order."""
    lines: tuple[Line, ...] = field(repr=False)


def read_sheet(path: Path) -> Sheet:
    """Read a file.

    Raises:
        SheetError: it cannot be read, is no UTF-8 or CSV, or its header names no key, no label or something else.
    """
    text = _text(path)
    first = 1
    if text[:4].casefold() == "sep=":  # what Excel writes for itself
        _, _, text = text.partition("\n")
        first = 2
    delimiter = _delimiter(text)
    rows = _rows(text, delimiter, first)
    try:
        _, header = next(rows)
    except StopIteration:
        raise SheetError("The file is empty.") from None
    names = _names(header)
    lines = tuple(_line(number, names, cells) for number, cells in rows if any(cell.strip() for cell in cells))
    return Sheet(tuple(name for name in names if name not in KEYS), lines)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SheetError(f"{path} cannot be read: {error.strerror}.") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = content[: error.start].count(b"\n") + 1
        raise SheetError(f"Line {number} of the file is not UTF-8.") from None


def _delimiter(text: str) -> str:
    """What splits the header into the most key columns."""
    header, _, _ = text.lstrip("\r\n").partition("\n")
    found = {each: len(_known(header, each)) for each in _DELIMITERS}
    best = max(found, key=lambda each: found[each])
    if not found[best]:
        raise SheetError("The first line of the file names no key column.")
    return best


def _known(header: str, delimiter: str) -> set[str]:
    cells = next(csv.reader([header.strip("\r")], delimiter=delimiter), [])
    return {cell.strip().casefold() for cell in cells} & {name.casefold() for name in _NAMING}


def _rows(text: str, delimiter: str, first: int) -> Iterator[tuple[int, list[str]]]:
    """Each line's number, counted as an editor does, and its cells; a cell may reach over several lines."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begin = 0
    try:
        for cells in reader:
            yield begin + first, cells
            begin = reader.line_num
    except csv.Error:
        raise SheetError(
            f"Line {begin + first} of the file is no CSV: a quote is not closed or stands alone."
        ) from None


def _names(header: list[str]) -> list[str]:
    keywords = {name.casefold(): name for name in KEYS}
    names = [keywords.get(cell.strip().casefold(), cell.strip()) for cell in header]
    for number, name in enumerate(names, 1):
        if name not in KEYS and not _LABEL.fullmatch(name):
            raise SheetError(f"Column {number} is neither a key nor has it the name of a label.")
    if len(set(names)) != len(names):
        raise SheetError("Two columns have one name.")
    if not _NAMING & set(names):
        raise SheetError("The first line of the file names no key column.")
    if not set(names) - set(KEYS):
        raise SheetError("The first line of the file names no label.")
    return names


def _line(number: int, names: list[str], cells: list[str]) -> Line:
    said = {name: cell.strip(" \0\t\r\n") for name, cell in zip(names, cells, strict=False)}
    keys = {name: text for name, text in said.items() if name in KEYS and text}
    values = {name: text for name, text in said.items() if name not in KEYS and text}
    return Line(number, keys, values, whole=len(cells) == len(names))
