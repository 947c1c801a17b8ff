"""Coded strings (VR CS): terms that the standard defines pass, any other word in them is replaced.

PS3.3 gives most coded strings Defined Terms or Enumerated Values. A legal-looking CS can nevertheless hold a name, so
each word of a term must be known; short words pass, since vendors make terms of them and they say nothing alone.
"""

import re
from functools import lru_cache
from importlib import resources

from processors.deid import codes

REPLACEMENT = b"REMOVED"
SHORT_WORD, SHORT_NUMBER = 4, 3
"""The longest run of letters, and of digits but for a leading zero, that passes unknown."""

_ISO_STANDARD = re.compile(rb"ISO_[0-9]{5}(_[0-9]{1,2})?")
"""How Lossy Image Compression Method (0028,2114) names a standard (PS3.3 C.7.6.1.1.5.1)."""

_TERM = re.compile(rb"[A-Z0-9_ ]{0,16}")
_RUNS = re.compile(r"[A-Z]+|[0-9]+")
_CACHED = 4096


@lru_cache(maxsize=1)
def words() -> frozenset[str]:
    """Words of five letters or more of PS3.6's attributes and PS3.3's terms, of devices, and of PS3.16's concepts.

    `data/generate_coded_words.py` says where they come from.
    """
    return codes.vocabulary().union(written("coded-words.txt"), written("coded-words-of-devices.txt"))


def written(name: str) -> list[str]:
    """The words of a list, its comments apart."""
    text = resources.files("processors.deid.data").joinpath(name).read_text("ascii")
    return [word for line in text.splitlines() for word in line.partition("#")[0].split()]


class Terms:
    """Which coded strings pass, remembering the latest answers."""

    def __init__(self) -> None:
        self._words = words()
        self._seen: dict[bytes, bytes] = {}

    def cleaned(self, value: bytes) -> bytes:
        """The value with each unknown term replaced; the very same object when all of it passes."""
        found = self._seen.get(value)
        if found is None:
            found = self._cleaned(value)
            if len(self._seen) < _CACHED:
                self._seen[value] = found
        return value if found == value else found

    def _cleaned(self, value: bytes) -> bytes:
        terms = value.split(b"\\")
        if all(map(self._passes, terms)):
            return value
        return b"\\".join(term.strip(b" \0") if self._passes(term) else REPLACEMENT for term in terms)

    def _passes(self, term: bytes) -> bool:
        """Whether a term is legal, and each of its words is known, short, or a short number."""
        plain = term.strip(b" \0")
        if _TERM.fullmatch(plain) is None:
            return False
        return _ISO_STANDARD.fullmatch(plain) is not None or all(map(self._known, _RUNS.findall(plain.decode())))

    def _known(self, run: str) -> bool:
        if run.isdigit():
            return len(run) <= SHORT_WORD and len(run.lstrip("0")) <= SHORT_NUMBER
        return len(run) <= SHORT_WORD or run in self._words
