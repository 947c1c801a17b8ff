"""Values with their units, as people write them in settings: `30 s`, `5 GB`, `1 kB/s`; and back into words.

Sizes are powers of 1000. A plain number is seconds, bytes or bytes a second. `off` is no limit, where one may be left
away.
"""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

_SIZES: Final = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SPANS: Final = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?) ?(B|kB|MB|GB|TB)")
_SPAN: Final = re.compile(r"(\d+(?:\.\d+)?) ?(ms|s|min|h|d)")
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")


def size(written: object) -> int:
    """Bytes.

    Raises:
        ValueError: it is neither a whole number nor one with a unit.
    """
    if isinstance(written, int) and not isinstance(written, bool):
        return written
    match = _SIZE.fullmatch(written.strip()) if isinstance(written, str) else None
    if match is not None:
        return round(float(match[1]) * _SIZES[match[2]])
    if isinstance(written, str) and written.strip().isdecimal():
        return int(written)
    raise ValueError("a size is a number of bytes, or one with its unit: B, kB, MB, GB, TB")


def rate(written: object) -> int:
    """Bytes a second.

    Raises:
        ValueError: it is neither a whole number nor one with a unit.
    """
    try:
        return size(written.strip().removesuffix("/s") if isinstance(written, str) else written)
    except ValueError:
        raise ValueError("a pace is a number of bytes a second, or one with its unit, such as 1 kB/s") from None


def span(written: object) -> float:
    """Seconds.

    Raises:
        ValueError: it is neither a number nor one with a unit.
    """
    if isinstance(written, int | float) and not isinstance(written, bool):
        return float(written)
    text = written.strip() if isinstance(written, str) else ""
    if match := _SPAN.fullmatch(text):
        return float(match[1]) * _SPANS[match[2]]
    if _NUMBER.fullmatch(text):
        return float(text)
    raise ValueError("a time is a number of seconds, or one with its unit: ms, s, min, h, d")


def or_off(written: object) -> object:
    """None for `off`; YAML reads that word as false."""
    return None if written is False or written == "off" else written


Bytes = Annotated[int, BeforeValidator(size), Field(gt=0)]
BytesPerSecond = Annotated[int, BeforeValidator(rate), Field(gt=0)]
Seconds = Annotated[float, BeforeValidator(span), Field(gt=0)]


def in_bytes(value: float) -> str:
    """A size in the largest unit in which it is at least 1, with at most one decimal."""
    unit = next((unit for unit in ("TB", "GB", "MB", "kB") if value >= _SIZES[unit]), "B")
    return f"{value / _SIZES[unit]:.1f}".removesuffix(".0") + f" {unit}"


def in_seconds(value: float) -> str:
    """A time in the largest unit of which it is a whole number, else in seconds."""
    unit = next((unit for unit in ("d", "h", "min") if value >= _SPANS[unit] and value % _SPANS[unit] == 0), "s")
    return f"{value / _SPANS[unit]:g} {unit}"
