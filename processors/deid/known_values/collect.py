"""The identifying values of one original, of all levels."""

from dataclasses import dataclass, field

from processors.deid.known_values.attributes import NAMING
from processors.deid.known_values.spellings import of_value
from processors.deid.parse import DICTIONARY_VR, Element
from processors.deid.pseudonyms import REGISTERED

OUR_WORD = "REMOVED"
"""What dummies say; an object treated before may have it as a name."""

_CHARSET = 0x00080005
_LOOKED_AT = frozenset((b"PN", b"UI", b"DA", b"DT", b"UN", b"CS"))
_TEXT = frozenset((b"PN", b"LO", b"SH", b"ST", b"LT", b"UC", b"UT", b"AE"))


@dataclass(slots=True)
class Identifying:
    """What to look for. `texts` anywhere, `words` as whole words of free text, `uids` and `dates` in their elements."""

    texts: set[bytes] = field(default_factory=set)
    words: set[bytes] = field(default_factory=set)
    uids: set[bytes] = field(default_factory=set)
    dates: set[tuple[int, bytes]] = field(default_factory=set)


def identifying(
    elements: list[Element], buffer: memoryview, innocent: frozenset[str], retained: frozenset[int] = frozenset()
) -> Identifying:
    """The identifying values of an original.

    Args:
        elements: its top level.
        buffer: the bytes that they lie in.
        innocent: words in upper case that are no proof of a leak.
        retained: tags that an option retains.
    """
    found = Identifying()
    _collect(elements, buffer, (innocent, retained), b"", found)
    found.uids -= REGISTERED
    found.uids.discard(b"")
    return found


def _collect(
    elements: list[Element],
    buffer: memoryview,
    exempt: tuple[frozenset[str], frozenset[int]],
    charset: bytes,
    found: Identifying,
) -> None:
    """Add what identifies, with the character set that holds at each level (PS3.3 C.12.1.1.2)."""
    retained = exempt[1]
    for tag, vr, _, start, end, items in elements:
        if items is not None:
            for item in items:
                _collect(item, buffer, exempt, charset, found)
        elif (vr in _LOOKED_AT or tag in NAMING) and tag not in retained:
            if tag == _CHARSET:
                charset = bytes(buffer[start:end])
            elif start != end:
                _add(tag, vr, bytes(buffer[start:end]), (charset, exempt[0]), found)


def _add(tag: int, vr: bytes, value: bytes, reading: tuple[bytes, frozenset[str]], found: Identifying) -> None:
    """Add one value by what it is; one of unknown VR, or that names someone, by what the dictionary says it is.

    `reading` is the character set and the words that are innocent.
    """
    if vr == b"UN" or tag in NAMING:
        vr = DICTIONARY_VR.get(tag, vr)
    if vr == b"UI":
        found.uids.update(value.strip(b" \0").split(b"\\"))
    elif vr == b"PN" or (tag in NAMING and vr in _TEXT):
        texts, words = of_value(value, *reading, is_name=vr == b"PN")
        found.texts |= texts
        found.words |= words
    elif vr in (b"DA", b"DT"):
        found.dates.update((tag, part.strip(b" \0").replace(b".", b"")[:8]) for part in value.split(b"\\"))
