"""Descriptions by vocabulary (PS3.15 E.3.5): the known words of a text, and none else."""

import re
from collections.abc import Iterator

_TOKENS = re.compile(r"(?P<number>\d(?:[\W\d_]*\d)?)(?![^\W_])|(?P<word>[^\W_]+)|(?P<other>[\W_]+)")
_NUMBER = re.compile(r"\d{1,3}(?:[.,]\d{1,3})?")
_PARTS = re.compile(r"[A-Z]+|\d+")
_LONGEST = 3
"""Digits of a number that passes."""

_JOINS = re.compile(r"[ ,.()/+-]+")
_SPACES = re.compile(r"\(\s*\)|\s+(?=[\s,.)])")


def known_words(text: str, words: frozenset[str], names: frozenset[str]) -> str:
    """A text without each word that is not known, each that is part of a name, and each number like an id or a date.

    Args:
        text: of any length; a number of more than three digits, or several without a letter between them,
            go.
        words: the known ones, in upper case.
        names: words that go although they are known, in upper case.
    """
    kept = "".join(_kept(text, words, names))
    return _SPACES.sub("", _SPACES.sub("", kept)).strip(" ,./+-").rstrip(" (")


def numbers_pass(text: str) -> bool:
    """Whether each number of a text is short and by itself."""
    return all(_NUMBER.fullmatch(found["number"]) for found in _TOKENS.finditer(text) if found["number"])


def _kept(text: str, words: frozenset[str], names: frozenset[str]) -> Iterator[str]:
    for token in _TOKENS.finditer(text):
        found = token.group()
        if token.lastgroup == "number":
            yield found if _NUMBER.fullmatch(found) else " "
        elif token.lastgroup == "word":
            yield found if _is_known(found, words, names) else " "
        else:
            yield found if _JOINS.fullmatch(found) else " "


def _is_known(word: str, words: frozenset[str], names: frozenset[str]) -> bool:
    upper = word.upper()
    if not word.isascii() or upper in names:
        return False
    parts = _PARTS.findall(upper)
    return upper in words or all(
        len(part) <= _LONGEST if part.isdigit() else part in words and part not in names for part in parts
    )
