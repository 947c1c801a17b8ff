"""A profile: what PS3.15's options and the allow lists shall be, as data with a name, a version and a digest."""

import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydicom.datadict import tag_for_keyword

from processors.deid.errors import ProfileError
from processors.deid.iod_types import sop_classes

DEFAULT = "research-default"


class Passes(BaseModel):
    """The SOP classes that may pass."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    images: tuple[str, ...] = Field(description="Classes whose pixels show what a scanner measured.")
    annotations: tuple[str, ...] = Field(description="Classes that mark what images show.")

    @field_validator("images", "annotations")
    @classmethod
    def _types_known(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := set(classes) - sop_classes():
            message = f"the Types of {sorted(unknown)} are not known"
            raise ValueError(message)
        return classes


class Profile(BaseModel):
    """What a profile file says; `plan` compiles it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9-]{1,40}$", description="What people call it.")
    version: int = Field(ge=1, description="Rises with every change.")
    dates: Literal["modified", "removed"] = Field(description="What happens to dates (options of PS3.15 E.3.6).")
    passes: Passes
    junk_patient_ids: tuple[str, ...] = Field(description="Patient IDs that many patients share.")
    technical_text: tuple[str, ...] = Field(description="Keywords of text that devices write.")
    vocabulary_text: tuple[str, ...] = Field(description="Keywords of text that passes word by word.")
    vocabulary: tuple[str, ...] = Field(description="Words beside those of the coded concepts.")
    technical_bulk: tuple[str, ...] = Field(description="Keywords of tables of numbers.")
    coding_schemes: dict[str, str] = Field(description="Public coding schemes and the form of their codes.")
    innocent_words: tuple[str, ...] = Field(description="Words that the scan of the output overlooks in names.")

    @field_validator("technical_text", "vocabulary_text", "technical_bulk")
    @classmethod
    def _keywords_known(cls, keywords: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [keyword for keyword in keywords if tag_for_keyword(keyword) is None]:
            message = f"PS3.6 has no attribute {unknown}"
            raise ValueError(message)
        return keywords

    @classmethod
    def load(cls, name: str | Path = DEFAULT) -> Self:
        """A shipped profile by name, or a YAML file by path.

        Raises:
            ProfileError: there is none, or it says something that it cannot mean.
        """
        shipped = resources.files("processors.deid.profiles").joinpath(f"{name}.yaml")
        try:
            text = shipped.read_text("utf-8") if shipped.is_file() else Path(name).read_text("utf-8")
            return cls.model_validate(yaml.safe_load(text))
        except (OSError, UnicodeDecodeError) as error:
            raise ProfileError(f"There is no profile {name}.") from error
        except yaml.YAMLError as error:
            raise ProfileError(f"The profile {name} is no YAML.") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise ProfileError(f"The profile {name} cannot be used: {where}: {first['msg']}.") from error

    @property
    def digest(self) -> str:
        """SHA-256 of the profile's canonical JSON, in hex: comments and order of keys do not matter."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def junk(self) -> frozenset[str]:
        """The shared Patient IDs in the form that they are compared in."""
        return frozenset(value.strip().upper() for value in self.junk_patient_ids)

    @property
    def annotation_classes(self) -> frozenset[str]:
        """The annotations' SOP classes, as a set."""
        return frozenset(self.passes.annotations)

    @property
    def classes(self) -> frozenset[str]:
        """Every SOP class that may pass."""
        return frozenset(self.passes.images) | self.annotation_classes
