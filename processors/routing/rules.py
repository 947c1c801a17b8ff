"""The routing rules: an ordered YAML list that can be read aloud, checked as a whole before it decides anything."""

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError, field_validator
from pydicom._uid_dict import UID_dictionary
from pydicom.uid import RE_VALID_UID

from processors.routing.errors import RulesError


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Target(_Part):
    """One destination of a delivery, and how it is treated on the way."""

    destination: Name = Field("handoff", description="What the site calls the place where packages go.")
    project: Name = Field(description="The project at the destination; pseudonyms differ between projects.")
    profile: str = Field("research-default", min_length=1, description="De-identification profile.")


class Condition(_Part):
    """Every given key must hold; a key holds when any of its values does. No key at all holds always."""

    called_ae: Words | None = Field(None, description="AE titles that the sender called; exact.")
    calling_ae: Words | None = Field(None, description="AE titles of senders; exact.")
    modality: Words | None = Field(None, description="Values of Modality (0008,0060); exact.")
    sop_class: Words | None = Field(None, description="SOP classes: UID, or keyword as in PS3.6.")
    station: Words | None = Field(None, description="Values of StationName (0008,1010); case is ignored.")
    study_words: Words | None = Field(None, description="Words of StudyDescription; case is ignored.")
    series_words: Words | None = Field(None, description="Words of SeriesDescription; case is ignored.")
    peer: Words | None = Field(None, description="Peers that sent it, by their names in the peers file.")
    project_hint: Words | None = Field(None, description="The project that the peers file names for the sender.")

    @field_validator("sop_class")
    @classmethod
    def _known_classes(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if value is None else tuple(_sop_class_uid(name) for name in value)


class Rule(_Part):
    """If `when` holds, `ship`; later rules are asked only if this one says `continue`."""

    name: str = Field(min_length=1, max_length=80, description="What explanations call it; never leaves the site.")
    when: Condition = Condition()
    ship: tuple[Target, ...] = Field(min_length=1)
    goes_on: bool = Field(False, alias="continue", description="Whether the rules below are asked too.")


class Rules(_Part):
    """All rules of a site, in the order in which they are asked."""

    version: Literal[1] = Field(1, description="Version of this file's form.")
    rules: tuple[Rule, ...] = Field(min_length=1)

    @field_validator("rules")
    @classmethod
    def _each_name_once(cls, value: tuple[Rule, ...]) -> tuple[Rule, ...]:
        names = [rule.name for rule in value]
        for name in names:
            if names.count(name) > 1:
                message = f"two rules are called {name!r}"
                raise ValueError(message)
        return value

    @property
    def profiles(self) -> frozenset[str]:
        """The de-identification profiles that the rules name."""
        return frozenset(target.profile for rule in self.rules for target in rule.ship)

    @property
    def digest(self) -> str:
        """SHA-256 of the rules as canonical JSON, hex: comments and layout do not change it."""
        plain = json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(plain.encode()).hexdigest()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and check a rules file.

        Raises:
            RulesError: it cannot be read, is no YAML (with line and column), or a key is wrong (with its path).
        """
        try:
            written = yaml.safe_load(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise RulesError(f"{path} cannot be read: {error.__class__.__name__}.") from error
        except yaml.YAMLError as error:
            raise RulesError(f"{path} is no YAML{_line_of(error)}.") from error
        try:
            return cls.model_validate(written)
        except ValidationError as error:
            raise RulesError(f"{path}: {_first_fault(error, written)}.") from error


def _sop_class_uid(name: str) -> str:
    keywords = {entry[4]: uid for uid, entry in UID_dictionary.items() if entry[4]}
    if name in keywords:
        return keywords[name]
    if len(name) <= 64 and re.fullmatch(RE_VALID_UID, name):
        return name
    message = f"{name!r} is neither a SOP class keyword nor a UID"
    raise ValueError(message)


def _line_of(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _first_fault(error: ValidationError, written: Any) -> str:
    fault = error.errors()[0]
    where = ".".join(str(step) for step in fault["loc"]) or "the file"
    named = ""
    if len(fault["loc"]) > 1 and fault["loc"][0] == "rules" and isinstance(fault["loc"][1], int):
        rule = written["rules"][fault["loc"][1]]
        named = f" (rule {rule['name']!r})" if isinstance(rule, dict) and "name" in rule else ""
    return f"{where}{named}: {fault['msg']}"
