"""Which images can show text and are looked at: all but those that `cannot-show-text.yaml` describes."""

from functools import lru_cache
from importlib import resources
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from processors.deid.burned_in.header import Header


class Measured(BaseModel):
    """What `cannot-show-text.yaml` says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1]
    classes: frozenset[str]
    coloured: frozenset[str]
    second_value: str
    never: frozenset[str]


@lru_cache(maxsize=1)
def measured() -> Measured:
    """The shipped rule."""
    text = resources.files("processors.deid.burned_in").joinpath("cannot-show-text.yaml").read_text("utf-8")
    return Measured.model_validate(yaml.safe_load(text))


_OVERLAY_BIT_POSITION = 0x60000102


def can_show_text(header: Header) -> bool:
    """Whether text may be burned into an image; yes unless its header says in every way that a scanner measured it."""
    rule = measured()
    sop_class = header.value("SOPClassUID").decode("latin-1")
    image_type = [value.upper() for value in header.texts("ImageType")]
    monochrome = header.value("PhotometricInterpretation").startswith(b"MONOCHROME")
    says_measured = (
        sop_class in rule.classes
        and image_type[1:2] == [rule.second_value]
        and rule.never.isdisjoint(image_type)
        and (monochrome or sop_class in rule.coloured)
        and not header.value("ConversionType")
        and header.value("BurnedInAnnotation").upper() != b"YES"
        and not any(_hides_overlay(header, tag) for tag in header.elements)
    )
    return not says_measured


def _hides_overlay(header: Header, tag: int) -> bool:
    """Whether an element says that bits of the pixels are an overlay (retired; PS3.3 C.9.2)."""
    if tag & 0xFF00FFFF != _OVERLAY_BIT_POSITION:
        return False
    element = header.elements[tag]
    return bool(bytes(header.buffer[element.value : element.end]).strip(b" \0"))
