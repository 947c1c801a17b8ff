"""What a person asks for: that an instance is treated again, with boxes masked, or by another profile. Never as it is.

A decision is a file beside the delivery in which the instance comes again, and its digest is part of the treatment.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from handoff.contract.canonical import canonical_digest, canonical_json
from processors.landing.durable import write_whole
from processors.quarantine.errors import DecisionError

if TYPE_CHECKING:
    from processors.deid.burned_in.signatures import Signature

DECISION_FILE = "decision.json"
_MOST_BOXES = 64
Edge = Annotated[int, Field(ge=0, le=1 << 16)]


class Mask(BaseModel):
    """Pixels to make black in every frame."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    left: Edge
    top: Edge
    width: Annotated[int, Field(ge=1, le=1 << 16)]
    height: Annotated[int, Field(ge=1, le=1 << 16)]


class Decision(BaseModel):
    """What is different when it is treated again; nothing, if only the engine or its rules are others now."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    masks: tuple[Mask, ...] = Field((), max_length=_MOST_BOXES, description="What is made black before anything looks.")
    rows: int | None = Field(None, description="Rows of the image that the boxes were drawn on.")
    columns: int | None = Field(None, description="Columns of it; boxes hold for an image of this very size.")
    profile: str | None = Field(None, description="The profile instead of the one that the rules named.")

    @property
    def digest(self) -> str:
        """What stands for it in treatments and records, hex."""
        return canonical_digest(self)

    @classmethod
    def of_words(cls, masks: tuple[str, ...], profile: str | None) -> Self:
        """As a person writes it: `left,top,width,height` each.

        Raises:
            DecisionError: some box is none.
        """
        try:
            boxes = [dict(zip(Mask.model_fields, map(int, word.split(",")), strict=True)) for word in masks]
            return cls.model_validate({"masks": boxes, "profile": profile or None})
        except (ValueError, TypeError) as error:
            raise DecisionError("A box is left,top,width,height in pixels, and there are 64 at most.") from error

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The decision beside a delivery; None when there is none.

        Raises:
            DecisionError: it is damaged, and what nobody can read is not done.
        """
        try:
            return cls.model_validate_json((folder / DECISION_FILE).read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise DecisionError("The decision beside the delivery cannot be read.") from error

    def signature(self) -> "Signature | None":
        """The boxes as a rule beside those of the site, which all hold too; None when there are no boxes.

        Raises:
            DecisionError: a box reaches beyond the image.
        """
        from processors.deid.burned_in.signatures import Signature  # what treats, and not what routes, needs numpy

        if not self.masks:
            return None
        places = [mask.model_dump() for mask in self.masks]
        size = {"Rows": [str(self.rows)], "Columns": [str(self.columns)]}
        try:
            return Signature.model_validate({"name": "decision", "when": size, "mask": places})
        except ValidationError as error:
            raise DecisionError("A box reaches beyond the image.") from error

    def write(self, folder: Path) -> None:
        """Keep it beside its delivery, durably."""
        write_whole(folder / DECISION_FILE, canonical_json(self))
