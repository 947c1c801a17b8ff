"""Ages of patients: above 89 years only that it is above (PS3.15 E.3.7; the oldest are few and easily found)."""

import re

OLDEST_YEARS = 89
ABOVE = b"%03dY" % (OLDEST_YEARS + 1)
"""What every older age becomes."""

_AGE = re.compile(rb"([0-9]{3})([DWMY])")


def capped(value: bytes) -> bytes | None:
    """An AS value (PS3.5 6.2), with years above `OLDEST_YEARS` as `ABOVE`; None when it is no age.

    999 days, weeks or months are less than 89 years, so that only years need the cap.
    """
    value = value.strip(b" \0")
    if not value:
        return b""
    age = _AGE.fullmatch(value)
    if age is None:
        return None
    return ABOVE if age.group(2) == b"Y" and int(age.group(1)) > OLDEST_YEARS else value
