"""What may go back, as data: kinds of objects, and the attributes that each may carry. Everything else is dropped."""

from functools import cached_property
from importlib import resources
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydicom.datadict import tag_for_keyword

from processors.results.errors import ReturnProfileError

DEFAULT = "return-default"


class Kind(BaseModel):
    """One kind of object."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="What people call it.")
    sop_class: str = Field(description="Its SOP Class UID.")
    modality: Literal["SEG", "SR"] = Field(description="Its Modality (0008,0060).")
    keep: tuple[str, ...] = Field(description="Keywords that it may carry, at any level, beside the common ones.")

    @field_validator("keep")
    @classmethod
    def _known(cls, keywords: tuple[str, ...]) -> tuple[str, ...]:
        return _known_keywords(keywords)


class ReturnProfile(BaseModel):
    """What a profile file says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9-]{1,40}$")
    version: int = Field(ge=1)
    transfer_syntaxes: tuple[str, ...] = Field(description="How an object may be encoded; it is never re-encoded.")
    kinds: tuple[Kind, ...]
    common: tuple[str, ...] = Field(description="Keywords that every kind may carry, at any level.")
    mint: tuple[str, ...] = Field(description="Keywords of UIDs that the run made up; they become new ones of ours.")

    @field_validator("common", "mint")
    @classmethod
    def _known(cls, keywords: tuple[str, ...]) -> tuple[str, ...]:
        return _known_keywords(keywords)

    @classmethod
    def load(cls, name: str = DEFAULT) -> Self:
        """A shipped profile.

        Raises:
            ReturnProfileError: there is none of that name, or it says something that it cannot mean.
        """
        try:
            text = resources.files("processors.results.profiles").joinpath(f"{name}.yaml").read_text("utf-8")
            return cls.model_validate(yaml.safe_load(text))
        except (OSError, yaml.YAMLError, ValidationError) as error:
            raise ReturnProfileError(f"The profile {name} cannot be used.") from error

    @cached_property
    def allowed(self) -> dict[str, frozenset[str]]:
        """The keywords of each kind, by SOP Class UID."""
        return {kind.sop_class: frozenset((*self.common, *kind.keep, *self.mint)) for kind in self.kinds}

    def kind(self, sop_class: str) -> Kind | None:
        """The kind of an object; None when it is not taken back."""
        return next((kind for kind in self.kinds if kind.sop_class == sop_class), None)


def _known_keywords(keywords: tuple[str, ...]) -> tuple[str, ...]:
    if unknown := [keyword for keyword in keywords if tag_for_keyword(keyword) is None]:
        message = f"PS3.6 has no attribute {unknown}"
        raise ValueError(message)
    return keywords
