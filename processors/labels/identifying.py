"""Values that would name the patient: a label is a way out of the trusted zone, and this looks at what takes it.

It knows the patient's ID, issuer and accession number, the parts of the names, and the dates of birth and study in the
ways that people and spreadsheets write them. What it does not know it cannot find: so text
must be a code, and codes are few (see `vocabulary`).
"""

import contextlib
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from handoff.contract.labels import LabelValue
from processors.labels.objects import StudyFacts

_LONG_ENOUGH: Final = 4
"""Letters of an identifier that one finds by chance in no other word."""
_NAME_PART: Final = 5
_SHORT_NUMBER: Final = 2
"""Digits of a number that names nobody: a grade of 3 is no leak, though the patient's ID were 3."""
_EXCEL_EPOCH: Final = date(1899, 12, 30).toordinal()


@dataclass(frozen=True, slots=True)
class Identifying:
    """What identifies one patient and one order, folded for comparison. PHI."""

    exact: frozenset[str] = field(repr=False)
    """Whole values; a label that equals one is refused."""
    parts: frozenset[str] = field(repr=False)
    """Values that may not stand inside of a label either."""
    wholes: frozenset[str] = field(repr=False)
    """Values of which a label may be no part."""

    @classmethod
    def of(cls, facts: StudyFacts) -> "Identifying":
        """What is known of a study's patient and order."""
        owner, said = facts.owner, facts.said
        identifiers = {text for keyword in _IDENTIFIERS for text in said.get(keyword, ())} | {facts.accession}
        if owner is not None:
            identifiers |= {owner.patient_id, owner.issuer}
        ids = {_folded(text) for text in identifiers if text.strip()}
        names = {part for keyword in _NAMES for text in said.get(keyword, ()) for part in _name_parts(text)}
        dates = {text for keyword in _DATES for value in said.get(keyword, ()) for text in _writings(value)}
        runs = {run for text in ids for run in re.findall(r"[0-9]+", text) if len(run) >= _LONG_ENOUGH}
        bare = {run.lstrip("0") for run in runs}
        return cls(
            exact=frozenset(ids | names | dates | runs | bare) - {""},
            parts=frozenset(
                {each for each in ids | runs if len(each) >= _LONG_ENOUGH}
                | {each for each in names if len(each) >= _NAME_PART}
                | {each for each in dates if len(each) >= 6}
            ),
            wholes=frozenset(each for each in ids if len(each) >= _LONG_ENOUGH),
        )

    def found_in(self, value: LabelValue) -> bool:
        """Whether a value names the patient, in whole or in part."""
        if isinstance(value, bool):
            return False
        text = _folded(str(abs(value)) if isinstance(value, (int, float)) else value)
        if isinstance(value, (int, float)) and len(text) <= _SHORT_NUMBER:
            return False
        return (
            text in self.exact
            or any(part in text for part in self.parts)
            or (len(text) >= _LONG_ENOUGH and any(text in whole for whole in self.wholes))
        )


_IDENTIFIERS: Final = ("PatientID", "AccessionNumber", "IssuerOfPatientID")
_NAMES: Final = ("PatientName", "ReferringPhysicianName")
_DATES: Final = ("PatientBirthDate", "StudyDate")


def _folded(text: str) -> str:
    """Without case, accents and outer blanks: MÜLLER is muller."""
    plain = unicodedata.normalize("NFKD", text.strip(" \0"))
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold()


def _name_parts(name: str) -> set[str]:
    """The words of a person's name; single letters name nobody."""
    return {part for part in re.split(r"[\W_]+", _folded(name)) if len(part) > 1}


def _writings(value: str) -> set[str]:
    """A DICOM date (DA) as people, files and spreadsheets write it; the year alone is one of them."""
    if not re.fullmatch(r"[0-9]{8}", value.strip()):
        return set()
    text = value.strip()
    year, month, day = text[:4], text[4:6], text[6:]
    found = {
        year,
        text,
        day + month + year,
        month + day + year,
        text[2:],
        day + month + year[2:],
        month + day + year[2:],
    }
    found |= {
        mark.join(order) for mark in "-./_" for order in ((year, month, day), (day, month, year), (month, day, year))
    }
    with contextlib.suppress(ValueError):
        found.add(str(date(int(year), int(month), int(day)).toordinal() - _EXCEL_EPOCH))
    return found
