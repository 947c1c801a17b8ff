"""Coded values: a code of a public scheme stays and gets the dictionary's meaning; any other is replaced."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping

CODE_VALUE, SCHEME, VERSION, MEANING = 0x00080100, 0x00080102, 0x00080103, 0x00080104
LONG_VALUE, URN_VALUE = 0x00080119, 0x00080120
VALUES = (CODE_VALUE, LONG_VALUE, URN_VALUE)
TAGS = frozenset((CODE_VALUE, SCHEME, VERSION, MEANING, LONG_VALUE, URN_VALUE))

KNOWN_ONLY = "known"
REPLACED = {
    CODE_VALUE: b"REMOVED",
    LONG_VALUE: b"REMOVED",
    URN_VALUE: b"urn:oid:2.25.0",
    SCHEME: b"99SLUICE",
    MEANING: b"Removed",
}
LOCAL = "Local code"
"""The meaning of a code that an option retains and no public dictionary has."""

_VERSION = re.compile(rb"[0-9]{1,8}(\.[0-9]{1,6}){0,3}")


@lru_cache(maxsize=1)
def dictionary() -> dict[tuple[str, str], str]:
    """(scheme, code) to meaning, of all coded concepts of PS3.16 that pydicom knows."""
    schemes = cast("dict[str, dict[str, dict[str, tuple[str, list[int]]]]]", concepts)
    known = {
        (scheme, code): meaning
        for scheme, keywords in schemes.items()
        for codes in keywords.values()
        for code, (meaning, _) in codes.items()
    }
    for old, new in mapping["SRT"].items():
        if ("SCT", new) in known:
            known.update({(scheme, old): known["SCT", new] for scheme in ("SRT", "SNM3", "99SDM")})
    return known


@lru_cache(maxsize=1)
def vocabulary() -> frozenset[str]:
    """Every word of the dictionary's meanings, in upper case: words of anatomy and imaging, not of people."""
    return frozenset(word for meaning in dictionary().values() for word in re.findall(r"[A-Z]+", meaning.upper()))


@lru_cache(maxsize=1)
def meanings() -> frozenset[bytes]:
    """Every meaning that is the dictionary's or ours, as it is written."""
    known = (each.encode("ascii", "replace")[:64].rstrip(b" ") for each in dictionary().values())
    return frozenset((*known, REPLACED[MEANING], LOCAL.encode()))


@dataclass(frozen=True, slots=True)
class Coding:
    """Which codes pass: a profile's schemes, compiled."""

    schemes: dict[str, re.Pattern[str] | None]

    @classmethod
    def of(cls, schemes: dict[str, str]) -> "Coding":
        """From scheme to regular expression; `known` admits the dictionary's codes alone."""
        compiled = {name: None if form == KNOWN_ONLY else re.compile(form) for name, form in schemes.items()}
        return cls(compiled)

    def cleaned(self, present: dict[int, bytes]) -> dict[int, bytes]:
        """What the code attributes of one item become, by tag; what is not in the answer goes."""
        value = next((present[tag] for tag in VALUES if tag in present), b"").strip(b" \0").decode("ascii", "replace")
        scheme = present.get(SCHEME, b"").strip(b" \0").decode("ascii", "replace")
        meaning = self.meaning(scheme, value)
        if meaning is None or URN_VALUE in present:
            return {tag: replaced for tag, replaced in REPLACED.items() if tag in present}
        kept = {tag: present[tag].strip(b" \0") for tag in (CODE_VALUE, LONG_VALUE, SCHEME) if tag in present}
        if _VERSION.fullmatch(version := present.get(VERSION, b"").strip(b" \0")):
            kept[VERSION] = version
        return {**kept, MEANING: meaning.encode("ascii", "replace")[:64]}

    def retained(self, present: dict[int, bytes]) -> dict[int, bytes]:
        """What the meaning becomes where an option retains codes, local ones too: people write meanings as they like.

        It says no more than the code does; the code itself is then searched for names and ids like any text.
        """
        value = next((present[tag] for tag in VALUES if tag in present), b"").strip(b" \0").decode("ascii", "replace")
        scheme = present.get(SCHEME, b"").strip(b" \0").decode("ascii", "replace")
        meaning = dictionary().get((scheme, value)) or LOCAL
        return {MEANING: meaning.encode("ascii", "replace")[:64]}

    def meaning(self, scheme: str, value: str) -> str | None:
        """The dictionary's meaning, or the code itself if only its form is known; None when the code must go."""
        if scheme not in self.schemes:
            return None
        if (known := dictionary().get((scheme, value))) is not None:
            return known
        form = self.schemes[scheme]
        return f"{scheme} {value}" if form is not None and form.fullmatch(value) else None
