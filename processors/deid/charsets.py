"""Text of a value by Specific Character Set (PS3.5 6.1), without a warning that would quote it."""

import warnings
from functools import lru_cache

from pydicom.charset import decode_bytes, python_encoding

_ESCAPE = b"\x1b"
_DELIMITERS = set(b"\\^=")


@lru_cache(maxsize=256)
def encodings(charset: bytes) -> tuple[str, ...]:
    """Python's names of the encodings that a Specific Character Set value names; unknown names count as Latin-1."""
    names = [name.strip(" \0") for name in charset.decode("ascii", "replace").split("\\")]
    return tuple(python_encoding.get(name, "iso8859") for name in names)


def decoded(value: bytes, charset: bytes) -> str:
    """The text; bytes that the character set does not admit become one character each."""
    if value.isascii() and _ESCAPE not in value:
        return value.decode("ascii")
    codecs = encodings(charset)
    if _ESCAPE in value:
        with warnings.catch_warnings(action="ignore"):
            return decode_bytes(value, list(codecs), _DELIMITERS)
    try:
        return value.decode(codecs[0])
    except (UnicodeDecodeError, LookupError):
        return value.decode("latin-1")
