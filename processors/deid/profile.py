"""A profile: what PS3.15's options and the allow lists shall be, as data with a name, a version and a digest."""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydicom.datadict import tag_for_keyword

from processors.deid.drawings import draws
from processors.deid.errors import IdentifiedProfileError, ProfileError
from processors.deid.inherit import written
from processors.deid.iod_types import is_report, sop_classes
from processors.deid.junk_ids import JunkIds, SharedForm
from processors.deid.options import DATES, GRAPHICS, OPTIONS, VISUAL_FEATURES, Option

DEFAULT = "research-default"
_NOTHING: dict[str, Any] = {
    "dates": "full",
    "passes": {"images": [], "annotations": []},
    "junk_patient_ids": [],
    "junk_patient_id_forms": [],
    "technical_text": [],
    "vocabulary_text": [],
    "vocabulary": [],
    "technical_bulk": [],
    "coding_schemes": {},
    "innocent_words": [],
}
"""What an identified profile says of everything else."""


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


class Retain(BaseModel):
    """What stays beside what the basic profile lets stay (PS3.15 E.3.7 to E.3.11)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    patient_characteristics: bool = Field(False, description="Sex, size, weight and the like; ages above 89 capped.")
    device_identity: bool = Field(False, description="Which device it was: serial number, station name.")
    institution_identity: bool = Field(False, description="Where it was: institution, department, site.")
    uids: bool = Field(False, description="The original UIDs.")
    safe_private: bool = Field(False, description="Numbers of private attributes that are known to be safe.")


class Clean(BaseModel):
    """What is looked into instead of removed (PS3.15 E.3.1, E.3.4 and E.3.5)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pixel_data: bool = Field(False, description="Images that may show text, which is masked and looked for again.")
    descriptors: bool = Field(False, description="Descriptions and comments, of which the known words stay.")
    graphics: bool = Field(False, description="Presentation states, without all that they draw.")
    structured_content: bool = Field(False, description="Content items, of which numbers and public codes stay.")
    visual_features: bool = Field(False, description="Heads in CT and MR, whose faces are removed from whole series.")


class Profile(BaseModel):
    """What a profile file says; `plan` compiles it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9-]{1,40}$", description="What people call it.")
    version: int = Field(ge=1, description="Rises with every change.")
    about: str = Field("", description="What it is for, in a sentence or two.")
    identified: bool = Field(False, description="Everything stays as it came; for archives alone.")
    dates: Literal["full", "modified", "removed"] = Field(description="What happens to dates (PS3.15 E.3.6).")
    retain: Retain = Field(Retain(), description="Options that retain.")
    clean: Clean = Field(Clean(), description="Options that clean.")
    not_heads: Literal["pass", "withhold"] = Field(
        "pass", description="What becomes of series that `clean.visual_features` finds to be no head."
    )
    passes: Passes
    junk_patient_ids: tuple[str, ...] = Field(description="Patient IDs that many patients share.")
    junk_patient_id_forms: tuple[SharedForm, ...] = Field(description="Forms of such IDs, each with its reason.")
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

    @model_validator(mode="before")
    @classmethod
    def _identified_says_nothing_else(cls, said: Any) -> Any:
        """A profile that leaves everything as it came has no options, and passes nothing as de-identified."""
        if not isinstance(said, dict) or said.get("identified") is not True:
            return said
        if more := sorted(set(said) - {"name", "version", "about", "identified"}):
            message = f"identified leaves everything as it came, so {more} cannot be said too"
            raise ValueError(message)
        return {**_NOTHING, **said}

    @model_validator(mode="after")
    def _uids_tell_no_dates(self) -> Self:
        """PS3.15 E.3.9 note 6: most UIDs are made of the time, so that they tell the dates that the rest hides."""
        if self.retain.uids and self.dates != "full":
            message = "retain.uids tells the time of each object, so it needs dates: full"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _reports_are_cleaned(self) -> Self:
        """What a report says of the patient is in its content items, which the basic profile does not look into."""
        if not self.clean.structured_content and (reports := sorted(filter(is_report, self.classes))):
            message = f"passes: {reports} are reports, so they need clean.structured_content"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _heads_are_looked_for(self) -> Self:
        """Only the step for faces tells what is a head."""
        if self.not_heads == "withhold" and not self.clean.visual_features:
            message = "not_heads: nothing tells heads from other parts, so it needs clean.visual_features"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _drawings_are_cleaned(self) -> Self:
        """What a presentation state writes over images is in lines, which the basic profile does not look into."""
        if not self.clean.graphics and (drawn := sorted(filter(draws, self.classes))):
            message = f"passes: {drawn} draw, so they need clean.graphics"
            raise ValueError(message)
        return self

    @property
    def options(self) -> tuple[Option, ...]:
        """The options that are on, in the order of their codes."""
        return tuple(option for option in OPTIONS if self._is_on(option))

    def _is_on(self, option: Option) -> bool:
        group, _, switch = option.switch.partition(".")
        return bool(getattr(getattr(self, group), switch, False)) if switch else DATES.get(self.dates) is option

    @classmethod
    def load(cls, name: str | Path = DEFAULT) -> Self:
        """A shipped profile by name, or a YAML file by path.

        Raises:
            ProfileError: there is none, or it or a parent says something that it cannot mean.
        """
        try:
            return cls.model_validate(written(name))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise ProfileError(f"The profile {name} cannot be used: {where}: {first['msg']}.") from error

    def require_de_identifying(self) -> None:
        """Nothing of this profile leaves an object as it came.

        Raises:
            IdentifiedProfileError: it is for archives.
        """
        if self.identified:
            raise IdentifiedProfileError(f"The profile {self.name} de-identifies nothing; it is for archives.")

    def require_for_packages(self) -> None:
        """What it makes may be sent to research, where all are known by pseudonyms.

        Raises:
            IdentifiedProfileError: it is for archives.
            ProfileError: it retains UIDs, by which evidence, labels and results would not find their studies.
        """
        self.require_de_identifying()
        if self.retain.uids:
            raise ProfileError(f"The profile {self.name} retains UIDs, and research knows studies by pseudonyms alone.")

    @property
    def digest(self) -> str:
        """SHA-256 of the profile's canonical JSON, in hex: comments, words about it and order of keys do not matter."""
        said = self.model_dump(mode="json", exclude={"about"})
        if VISUAL_FEATURES not in self.options:
            # Profiles without this switch had their digests before there was one.
            del said["clean"]["visual_features"], said["not_heads"]
        if GRAPHICS not in self.options:
            del said["clean"]["graphics"]
        canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def junk(self) -> JunkIds:
        """The rules on Patient IDs that many patients share."""
        return JunkIds.of(self.junk_patient_ids, self.junk_patient_id_forms)

    @property
    def annotation_classes(self) -> frozenset[str]:
        """The annotations' SOP classes, as a set."""
        return frozenset(self.passes.annotations)

    @property
    def classes(self) -> frozenset[str]:
        """Every SOP class that may pass."""
        return frozenset(self.passes.images) | self.annotation_classes
