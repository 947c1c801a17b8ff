"""What somebody who knows a patient may know too: the quasi-identifiers of a study as it left, made coarse."""

from dataclasses import astuple, dataclass, fields
from typing import Final

from processors.inventory.text import Text

YEARS: Final = 10
"""How many years a band of ages spans."""
NOTHING: Final = "-"

_SEX, _AGE, _MODALITY, _BODY_PART, _STUDY_DATE = 0x00100040, 0x00101010, 0x00080060, 0x00180015, 0x00080020
_DEVICE: Final = (0x00080070, 0x00081090, 0x00081010, 0x00181000)
"""Manufacturer, model, station name and serial number, as far as the profile retains them."""
_INSTITUTION: Final = (0x00080080, 0x00081040)
_PER_YEAR: Final = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}


@dataclass(frozen=True, slots=True, order=True)
class Likeness:
    """One row of what is known; `-` where nothing left."""

    sex: str
    age_band: str
    modality: str
    body_part: str
    device: str
    study_month: str
    institution: str

    @classmethod
    def of(cls, text: Text) -> "Likeness":
        """The likeness of one de-identified file."""
        date = text.first(_STUDY_DATE)
        return cls(
            sex=text.first(_SEX) or NOTHING,
            age_band=band(text.first(_AGE)),
            modality=text.first(_MODALITY) or NOTHING,
            body_part=text.first(_BODY_PART) or NOTHING,
            device=_joined(text, _DEVICE),
            study_month=f"{date[:4]}-{date[4:6]}" if len(date) == 8 and date.isdigit() else NOTHING,
            institution=_joined(text, _INSTITUTION),
        )

    @property
    def row(self) -> tuple[str, ...]:
        """Its values in the order of `NAMES`."""
        return tuple(astuple(self))


NAMES: Final = tuple(field.name for field in fields(Likeness))


def band(age: str) -> str:
    """The band of an age string (PS3.5 6.2, AS): `060-069` for 064Y, 17 months count as one year."""
    if len(age) != 4 or not age[:3].isdigit() or age[3] not in _PER_YEAR:
        return NOTHING
    first = int(int(age[:3]) / _PER_YEAR[age[3]]) // YEARS * YEARS
    return f"{first:03d}-{first + YEARS - 1:03d}"


def _joined(text: Text, tags: tuple[int, ...]) -> str:
    return " ".join(value for tag in tags if (value := text.first(tag))) or NOTHING
