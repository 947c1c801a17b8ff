"""Header fields of a request (RFC 9112 5) and of a part of its body (RFC 2046 5.1), read strictly.

What two readers could understand in two ways is refused: a folded line, a blank before the colon, a bare control
character. So no proxy in front can be made to see another request than we do.
"""

import re
from collections.abc import Iterable
from email.message import Message
from typing import Final

from processors.dicom.upload.errors import malformed

MOST_FIELDS: Final = 100
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def read_fields(lines: Iterable[bytes]) -> dict[str, str]:
    """Names in lower case to values; those of a repeated field are joined by a comma (RFC 9110 5.2).

    Args:
        lines: One field each, without its end.

    Raises:
        RequestError: one is no field, or there are more than `MOST_FIELDS`.
    """
    fields: dict[str, str] = {}
    for number, line in enumerate(lines):
        if number >= MOST_FIELDS:
            raise malformed("there are too many header fields")
        name, colon, value = line.decode("latin-1").partition(":")
        value = value.strip(" \t")
        if not colon or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise malformed("a header field is none")
        key = name.lower()
        fields[key] = f"{fields[key]}, {value}" if key in fields else value
    return fields


def media_type(value: str) -> tuple[str, dict[str, str]]:
    """A media type in lower case and its parameters, names in lower case (RFC 9110 8.3.1).

    A parameter that names its character set (RFC 8187) is left out: none that means something here is written so.

    Raises:
        RequestError: it is none.
    """
    message = Message()
    message["content-type"] = value
    try:
        found: list[tuple[str, object]] = [*message.get_params(failobj=[], unquote=True)]
    except ValueError:  # a part of a parameter has a number of thousands of digits
        raise malformed("a media type is none") from None
    parameters = {name.lower(): text for name, text in found[1:] if isinstance(text, str)}
    return value.partition(";")[0].strip().lower(), parameters
