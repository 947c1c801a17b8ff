"""The Type of each attribute in each IOD that may pass (PS3.3 module tables), from the generated `iod-types.json`."""

import json
from functools import lru_cache
from importlib import resources
from typing import Any

TOP = 0
"""The place of what is in no sequence."""

Places = dict[int, dict[int, str]]
"""Parent sequence's tag (or `TOP`) to attribute's tag to Type: 1, 1C, 2, 2C or 3."""


@lru_cache(maxsize=1)
def _standard() -> dict[str, Any]:
    text = resources.files("processors.deid.data").joinpath("iod-types.json").read_text("utf-8")
    standard: dict[str, Any] = json.loads(text)
    return standard


def sop_classes() -> frozenset[str]:
    """The SOP classes whose Types are known."""
    return frozenset(_standard()["classes"])


@lru_cache(maxsize=32)
def types_of(sop_class: str) -> Places:
    """Every place of one SOP class's IOD; the strictest Type where modules disagree.

    Raises:
        KeyError: the SOP class is none of `sop_classes`.
    """
    standard = _standard()
    places: Places = {}
    for module in standard["classes"][sop_class]:
        for place, kind in standard["modules"][module].items():
            parent, tag = (int(part, 16) for part in place.split("/"))
            attributes = places.setdefault(parent, {})
            attributes[tag] = min(attributes.get(tag, "3"), kind)
    return places


PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
"""Float, double float and plain pixel data."""

OFFSET_TABLES = (0x7FE00001, 0x7FE00002)
"""Extended Offset Table and its lengths, which are there both or not at all."""

_CONTENT_SEQUENCE = 0x0040A730


def has_pixels(sop_class: str) -> bool:
    """Whether objects of a class are images."""
    return not types_of(sop_class).get(TOP, {}).keys().isdisjoint(PIXELS)


def is_report(sop_class: str) -> bool:
    """Whether objects of a class are content trees (PS3.3 C.17.3): what they say is in their content items."""
    return not has_pixels(sop_class) and _CONTENT_SEQUENCE in types_of(sop_class).get(TOP, {})
