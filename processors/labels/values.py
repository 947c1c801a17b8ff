"""What a cell may say: a number, true, false, or a code. Free text is where names hide, so it is none of these."""

import re
from datetime import date
from typing import Final

from handoff.contract.labels import LabelValue
from processors.labels.reasons import Reason
from processors.labels.vocabulary import Vocabulary

_NUMBER: Final = re.compile(r"[+-]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?", re.ASCII)
_WHOLE_DIGITS: Final = 9
"""Digits before the point that a measured value may have; longer numbers are order, patient or phone numbers."""
_ALL_DIGITS: Final = 17


class ValueRefusedError(Exception):
    """This cell is no value; carries the code and nothing of the cell."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def read_value(name: str, text: str, vocabulary: Vocabulary) -> LabelValue:
    """The value of a cell that is not empty; equal values come out equal, however they were written.

    Raises:
        ValueRefusedError: it is none.
    """
    if text.casefold() in {"true", "false"}:
        return text.casefold() == "true"
    if _NUMBER.fullmatch(text):
        return _number(text)
    if vocabulary.allows(name, text):
        return text
    raise ValueRefusedError(Reason.VALUE_NOT_ALLOWED)


def _number(text: str) -> int | float:
    mantissa = re.split(r"[eE]", text)[0].lstrip("+-")
    whole, _, fraction = mantissa.partition(".")
    value = float(text)
    if len(whole) > _WHOLE_DIGITS or len(whole + fraction) > _ALL_DIGITS or abs(value) >= 10**_WHOLE_DIGITS:
        raise ValueRefusedError(Reason.NUMBER_TOO_LONG)
    if not value.is_integer():
        return value
    if is_date_like(str(abs(int(value)))):
        raise ValueRefusedError(Reason.DATE_LIKE)
    return int(value)


def is_date_like(digits: str) -> bool:
    """Whether eight digits are a day of this or the last century: YYYYMMDD, DDMMYYYY or MMDDYYYY."""
    if len(digits) != 8:
        return False
    orders = (
        (digits[:4], digits[4:6], digits[6:]),
        (digits[4:], digits[2:4], digits[:2]),
        (digits[4:], digits[:2], digits[2:4]),
    )
    return any(_is_day(*map(int, order)) for order in orders)


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return 1900 <= year < 2100
