"""Which objects can show a face, and which of them the step can treat; `kinds.yaml` says it."""

from functools import lru_cache
from importlib import resources
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from processors.deid.burned_in.header import Header
from processors.deid.iod_types import has_pixels, sop_classes


class Kinds(BaseModel):
    """What `kinds.yaml` says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1]
    classes: dict[Literal["CT", "MR"], frozenset[str]]
    drawn: frozenset[str]
    no_face: frozenset[str]


@lru_cache(maxsize=1)
def kinds() -> Kinds:
    """The shipped rule."""
    text = resources.files("processors.deid.faces").joinpath("kinds.yaml").read_text("utf-8")
    return Kinds.model_validate(yaml.safe_load(text))


def modality_of(sop_class: str) -> Literal["CT", "MR"] | None:
    """How the slices of a class are understood; None where the step does not know it."""
    return next((modality for modality, classes in kinds().classes.items() if sop_class in classes), None)


def can_show_face(sop_class: str) -> bool:
    """Whether anything with pixels, contours or surfaces; such a thing passes by the word of the step alone."""
    return sop_class in kinds().drawn or (sop_class in sop_classes() and has_pixels(sop_class))


def says_no_face(header: Header) -> bool:
    """Whether Body Part Examined names a part that has no face."""
    word = header.value("BodyPartExamined").decode("latin-1").upper()
    return "".join(filter(str.isalnum, word)) in kinds().no_face
