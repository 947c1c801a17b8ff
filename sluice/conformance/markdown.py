"""Text as Markdown."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from types import ModuleType
from typing import get_type_hints

from pydicom._uid_dict import UID_dictionary


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; cells may hold anything but a line's end."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def sections(*parts: str) -> str:
    """Paragraphs, tables and headings, one after the other."""
    return "\n\n".join(inspect.cleandoc(part) if not part.startswith("|") else part for part in parts)


def name_of(uid: str) -> str:
    """What PS3.6 annex A calls a UID; a UID that is not there is itself."""
    return str(UID_dictionary.get(uid, (uid,))[0])


def first_sentence(thing: object) -> str:
    """The first sentence of a docstring, as one line."""
    text = " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())
    return text.split(". ")[0].rstrip(".")


def returning(module: ModuleType, kind: type) -> list[tuple[str, Callable[..., object]]]:
    """The public functions of a module that return `kind`, in the order in which they stand there."""
    found = [
        (name, each)
        for name, each in vars(module).items()
        if inspect.isfunction(each)
        and each.__module__ == module.__name__
        and not name.startswith("_")
        and get_type_hints(each).get("return") is kind
    ]
    return sorted(found, key=lambda pair: pair[1].__code__.co_firstlineno)


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
