"""Patient IDs that many patients share: what systems fill in when nobody gave one. They never make one person.

The rules are a profile's: words, and forms with the reason for each. Both are compared with an ID of which only letters
and digits are left, in upper case and with full-width characters made plain, so that `Test^Patient` and `000-00-0000`
need no rule of their own.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pydantic import BaseModel, ConfigDict, Field, field_validator

_PUNCTUATION = re.compile(r"[\W_]+")


class SharedForm(BaseModel):
    """A form that many patients' IDs have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    form: str = Field(description="A regular expression, of the whole ID in upper case without punctuation.")
    why: str = Field(min_length=10, description="Why an ID of this form is nobody's.")

    @field_validator("form")
    @classmethod
    def _compiles(cls, form: str) -> str:
        try:
            re.compile(form)
        except re.error as error:
            message = f"{form!r} is no regular expression"
            raise ValueError(message) from error
        return form


@dataclass(frozen=True, slots=True)
class JunkIds:
    """The rules of one profile, compiled; `in` asks them."""

    words: frozenset[str]
    forms: tuple[re.Pattern[str], ...]

    def __contains__(self, patient_id: object) -> bool:
        """Whether many patients share an ID; an empty one is another matter."""
        written = str(patient_id).strip(" \0")
        plain = _plain(written)
        if not plain:
            return bool(written)
        return plain in self.words or any(form.fullmatch(plain) for form in self.forms)

    @classmethod
    def of(cls, words: Iterable[str], forms: Iterable[SharedForm]) -> "JunkIds":
        """From a profile's words and forms."""
        return _compiled(tuple(words), tuple(each.form for each in forms))


@lru_cache(maxsize=32)
def _compiled(words: tuple[str, ...], forms: tuple[str, ...]) -> JunkIds:
    plain = frozenset(_plain(word) for word in words) - {""}
    return JunkIds(plain, tuple(re.compile(form) for form in forms))


def _plain(text: str) -> str:
    """Letters and digits alone, in upper case."""
    return _PUNCTUATION.sub("", unicodedata.normalize("NFKC", text)).upper()
