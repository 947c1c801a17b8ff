"""Content items (PS3.15 E.3.4): which of them stay when structured content is cleaned.

What measures or classifies stays, and is then cleaned like any item; what is text or a name goes whole, and so does
what a public code calls a fact of the patient (`patient-concepts.csv`), an age above all: nothing caps a number.
"""

import csv
from functools import lru_cache
from importlib import resources

from processors.deid.codes import CODE_VALUE, SCHEME, dictionary
from processors.deid.parse import Element

SEQUENCES = frozenset((0x00400555, 0x00400610, 0x00400612, 0x0040A730))
"""Acquisition Context, Specimen Preparation (and its steps' items) and Content Sequence, which the option cleans."""

_CONCEPT_NAME = 0x0040A043
_SAID_FREELY = frozenset((0x0040A123, 0x0040A160))
"""Person Name and Text Value."""

_BY_POSITION = 0x0040DB73
"""Referenced Content Item Identifier: a place in the tree, which is another one's when items before it are gone."""


@lru_cache(maxsize=1)
def patient_concepts() -> dict[tuple[str, str], bool]:
    """(scheme, code) of each concept that says something of the patient, and whether an option retains it."""
    text = resources.files("processors.deid.data").joinpath("patient-concepts.csv").read_text("ascii")
    lines = csv.DictReader(text.splitlines())
    return {(line["scheme"], line["code"]): line["retained"] == "characteristics" for line in lines}


def stays(item: list[Element], buffer: memoryview, *, characteristics: bool) -> bool:
    """Whether a content item stays.

    Args:
        item: its elements.
        buffer: that they lie in.
        characteristics: whether the patient's characteristics are retained.
    """
    if any(element.tag in _SAID_FREELY or element.tag == _BY_POSITION for element in item):
        return False
    concept = _concept(item, buffer)
    if concept in patient_concepts():
        return characteristics and patient_concepts()[concept]
    return concept in dictionary() or not any(element.tag == _CONCEPT_NAME for element in item)


def _concept(item: list[Element], buffer: memoryview) -> tuple[str, str]:
    """Scheme and code of an item's concept name; empty where it has none."""
    names = [element.items[0] for element in item if element.tag == _CONCEPT_NAME and element.items]
    name = names[0] if names else []
    values = {each.tag: bytes(buffer[each.value : each.end]).strip(b" \0").decode("latin-1") for each in name}
    return values.get(SCHEME, ""), values.get(CODE_VALUE, "")
