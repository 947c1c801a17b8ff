"""The search of whole output files: bytes, inflated, decoded by element, and without the NULs of UTF-16."""

import io
import unicodedata
import zlib

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).upper()


def views(file: bytes) -> list[str]:
    """Every reading of a file that a value could be found in, in upper case."""
    made = dcmread(io.BytesIO(file))
    raw = file
    if made.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian:
        at = 144 + int.from_bytes(file[140:144], "little")
        raw = file[:at] + zlib.decompress(file[at:], -zlib.MAX_WBITS)
    plain = raw.replace(b"\0", b"")
    decodings = ("latin-1", "utf-8", "gb18030")
    return [
        *(_folded(each.decode(encoding, "replace")) for each in (raw, plain) for encoding in decodings),
        _folded("\n".join(_texts(made))),
    ]


def _texts(made: Dataset) -> list[str]:
    """Every value of every level as text, bulk values as Latin-1."""
    found = [str(made.file_meta), made.preamble.decode("latin-1") if made.preamble else ""]
    for element in made.iterall():
        value = element.value
        found.append(value.decode("latin-1") if isinstance(value, bytes) else str(value))
    return found


def found(file: bytes, values: list[str]) -> list[str]:
    """Which of the values are anywhere in a file, whatever their case."""
    readings = views(file)
    return [value for value in values if any(_folded(value) in reading for reading in readings)]
