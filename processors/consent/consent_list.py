"""The site's list of consents: a CSV file, checked as a whole before it decides anything.

```csv
patient_id,issuer,project,consent
4711,HOSP,lung,allow
4711,HOSP,*,deny
0815,*,,deny
```

A row is about one patient as Patient ID and its issuer name them: an empty issuer means images that name none, `*` any.
An empty project or `*` means every project. Of all rows that fit, one `deny` denies; no row means `unknown`.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, Self

from processors.consent.answer import Answer
from processors.consent.errors import ConsentListError

COLUMNS: Final = ("patient_id", "issuer", "project", "consent")
ANY: Final = "*"
_WORDS: Final = {word.value: word for word in (Answer.ALLOW, Answer.DENY, Answer.UNKNOWN)}
_PROJECT: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


class _Key(NamedTuple):
    """What a row is about."""

    patient_id: str
    issuer: str
    project: str


@dataclass(frozen=True, slots=True)
class ConsentList:
    """The rows of a list; it holds identities, so printing shows none."""

    _said: Mapping[_Key, Answer] = field(repr=False)

    def __len__(self) -> int:
        return len(self._said)

    def ask(self, patient_id: str, issuer: str, project: str) -> Answer:
        """What the list says about a patient for a project."""
        who = _plain(patient_id)
        keys = (_Key(who, by, what) for by in (_plain(issuer), ANY) for what in (project, ANY))
        said = {self._said[key] for key in keys if key in self._said}
        return next((word for word in (Answer.DENY, Answer.ALLOW) if word in said), Answer.UNKNOWN)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and check a list.

        Raises:
            ConsentListError: it cannot be read, ends in the middle of a line, or a line says nothing that it may.
        """
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except OSError as error:
            raise ConsentListError(f"The list of consents cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise ConsentListError("The list of consents is no UTF-8.") from error
        if not text.endswith("\n"):  # whoever writes it in place may not be done
            raise ConsentListError("The list of consents does not end with the end of a line.")
        said: dict[_Key, Answer] = {}
        lines: dict[_Key, int] = {}
        for line, key, word in _rows(text):
            if said.setdefault(key, word) is not word:
                raise ConsentListError(f"Lines {lines[key]} and {line} of the list of consents contradict each other.")
            lines.setdefault(key, line)
        return cls(said)


def _rows(text: str) -> Iterator[tuple[int, _Key, Answer]]:
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in head else ",", strict=True)
    try:
        header = [name.strip().lower() for name in next(reader)]
        if sorted(header) != sorted(COLUMNS):
            raise ConsentListError(f"Line 1 of the list of consents must name {', '.join(COLUMNS)}.")
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, *_row(reader.line_num, header, row)
    except csv.Error as error:
        raise ConsentListError(f"Line {reader.line_num} of the list of consents is no CSV.") from error


def _row(line: int, header: list[str], row: list[str]) -> tuple[_Key, Answer]:
    if len(row) != len(header):
        raise ConsentListError(f"Line {line} of the list of consents has {len(row)} columns, not {len(header)}.")
    cells = dict(zip(header, (_plain(cell) for cell in row), strict=True))
    project = cells["project"] or ANY
    if not cells["patient_id"] or cells["patient_id"] == ANY:
        raise ConsentListError(f"Line {line} of the list of consents names no patient.")
    if project != ANY and not _PROJECT.fullmatch(project):
        raise ConsentListError(f"Line {line} of the list of consents: project is no name of one.")
    word = _WORDS.get(cells["consent"].lower())
    if word is None:
        raise ConsentListError(f"Line {line} of the list of consents: consent is none of {', '.join(_WORDS)}.")
    return _Key(cells["patient_id"], cells["issuer"], project), word


def _plain(value: str) -> str:
    """As identities are compared: NFC, without outer blanks and padding."""
    return unicodedata.normalize("NFC", value.strip(" \t\0"))
