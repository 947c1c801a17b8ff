"""Generate `coded-words.txt`: words of five letters or more that coded strings (VR CS) of the standard are made of.

Run `python -m processors.deid.data.generate_coded_words` where highdicom is installed. It reads what two libraries say
of the standard, and imports nothing of highdicom: the names of PS3.6's attributes, which defined terms repeat, and the
terms that highdicom's enumerations list. What both lack is in `coded-words-of-devices.txt`, written by hand.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pydicom._dicom_dict import DicomDictionary

from processors.deid import codes
from processors.deid.data.generate_iod_types import standard_folder

TARGET: Final = Path(__file__).with_name("coded-words.txt")
SHORTEST: Final = 5
"""Shorter words pass without being known."""

_WIDTH = 118
_TERM = re.compile(r"[A-Z0-9_ ]{2,16}")
_CAPITALS = re.compile(r"(?<=[a-z])(?=[A-Z])")


def generate(highdicom: Path) -> list[str]:
    """The words that the dictionary of coded concepts does not have, in order."""
    found = {*_of_attributes(), *_of_enumerations(highdicom)}
    return sorted(word for word in found - codes.vocabulary() if len(word) >= SHORTEST)


def _of_attributes() -> Iterator[str]:
    """Words of the names and keywords of attributes (PS3.6), those of repeating groups apart."""
    for entry in DicomDictionary.values():
        yield from re.findall(r"[A-Z]+", f"{entry[2]} {_CAPITALS.sub(' ', entry[4])}".upper())


def _of_enumerations(highdicom: Path) -> Iterator[str]:
    """Words of the terms in every `enum.py`."""
    for file in sorted(highdicom.rglob("enum.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _TERM.fullmatch(node.value):
                yield from re.findall(r"[A-Z]+", node.value)


def rendered(words: list[str]) -> str:
    """The file's text: as many words a line as fit."""
    lines = [""]
    for word in words:
        longer = f"{lines[-1]} {word}".strip()
        if len(longer) <= _WIDTH:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TARGET.write_text(rendered(generate(standard_folder().parent)), "ascii")
