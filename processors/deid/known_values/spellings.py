"""How a text that identifies may be written: parts, cases, Unicode forms, encodings, and without its punctuation."""

import re
import unicodedata
from functools import lru_cache

from processors.deid.charsets import decoded, encodings

LONG = 5
"""A text of so many characters is looked for anywhere; a shorter one as a whole token of free text alone."""

_NAME_PARTS = re.compile(r"[\^=\\,;/()\s]+")
_JOINED = re.compile(r"[-.'`´’‐‑–]+")
_ID_PARTS = re.compile(r"[\\\r\n;]+")
_WORD = re.compile(r"[A-Z]+")
_ENCODINGS = (
    "utf-8", "utf-16-le", "utf-16-be", "latin-1", "iso8859_2", "iso8859_5", "iso8859_6", "iso8859_7", "iso8859_8",
    "iso8859_9", "gb18030", "shift_jis", "euc_jp", "iso2022_jp", "euc_kr", "iso2022_kr", "tis_620", "koi8_r", "cp1251",
)  # fmt: skip
_ESCAPES = re.compile(rb"\x1b[()$&-/][()@-Z]?[@-Z]?|[\x0e\x0f]")
_PRINTABLE = re.compile(rb"[\x20-\x7e]*")
_SHORTEST = 3
_FOLDED = str.maketrans({"Ä": "AE", "Ö": "OE", "Ü": "UE", "ß": "SS", "ẞ": "SS", "Æ": "AE", "Ø": "OE", "Å": "AA"})
_STRUCK = str.maketrans({"Ł": "L", "Ø": "O", "Đ": "D", "Ð": "D", "Ħ": "H", "Ŧ": "T", "Þ": "TH", "Æ": "AE", "Œ": "OE"})
"""Letters that Unicode does not decompose."""


@lru_cache(maxsize=4096)
def of_value(
    value: bytes, charset: bytes, innocent: frozenset[str], *, is_name: bool
) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """(texts, words) to look for of one value: a name's parts, or an id as a whole.

    Texts are in upper case where they are ASCII. Words are short or digits, and are compared as whole tokens.
    """
    text = decoded(value, charset).strip(" \0")
    texts: set[bytes] = set()
    words: set[bytes] = set()
    for written in _names(text) if is_name else _ID_PARTS.split(text):
        plain = written.isascii()
        part = written.strip(" \0").upper() if plain else written.strip(" \0")
        if not part:
            continue
        if plain and not any(map(str.isdigit, part)) and innocent.issuperset(_WORD.findall(part)):
            continue
        if part.isdigit() and plain:
            words |= {each.encode() for each in (part, part.lstrip("0")) if len(each) >= LONG}
        elif not plain:
            texts |= _encoded(part, charset) if len(part) > 1 else set()
            words |= {form.encode() for form in _forms(part) if form.isascii() and _SHORTEST <= len(form) < LONG}
        elif len(part) >= LONG:
            texts |= {part.encode(), part.encode("utf-16-le").rstrip(b"\0")}
        elif len(part) > 2 or (is_name and len(part) > 1):
            words.add(part.encode())
    return frozenset(texts), frozenset(words)


def _names(text: str) -> list[str]:
    """A name's parts; of one that a hyphen or an apostrophe joins also its own parts, and it without them."""
    found = _NAME_PARTS.split(text)
    for part in list(found):
        pieces = _JOINED.split(part)
        if len(pieces) > 1:
            found += [each for each in (*pieces, "".join(pieces)) if len(each) >= _SHORTEST]
    return found


def _encoded(part: str, charset: bytes) -> set[bytes]:
    """The bytes of a text that is not ASCII, in every encoding that has them, and in plain letters."""
    found: set[bytes] = set()
    for form in _forms(part):
        for encoding in (*encodings(charset), *_ENCODINGS):
            try:
                written = form.encode(encoding)
                found.add((_ESCAPES.sub(b"", written) if "2022" in encoding else written).upper())
            except (UnicodeEncodeError, LookupError):
                continue
    return {each for each in found if len(each) >= _SHORTEST and not (len(each) < LONG and _PRINTABLE.fullmatch(each))}


def _forms(part: str) -> set[str]:
    """A text in each case, composed and decomposed, and without its marks."""
    cases = {part, part.lower(), part.upper(), part.title()}
    composed = {unicodedata.normalize(form, case) for case in cases for form in ("NFC", "NFD")}
    upper = unicodedata.normalize("NFC", part).upper()
    folded = upper.translate(_FOLDED)
    return composed | {folded, _bare(folded), _bare(upper)}


def _bare(upper: str) -> str:
    """Plain letters alone."""
    decomposed = unicodedata.normalize("NFKD", upper)
    return "".join(each for each in decomposed if not unicodedata.combining(each)).translate(_STRUCK)


_PUNCTUATION = re.compile(rb"[^A-Z0-9\x80-\xff\n]+")


def squeezed(text: bytes) -> bytes:
    """A text in upper case without punctuation and blanks but line ends: `MRN-4711` and `mrn 4711` are the same id."""
    return _PUNCTUATION.sub(b"", text.upper())
