"""Rules of a site for devices whose burned-in text is known: what a header says, and which boxes are then masked.

Every rule that matches applies: masks add up, and what several keep is what all of them keep. A rule names Rows and
Columns, so that its boxes are checked against the very layout that they were measured on.

```yaml
version: 1
rules:
  - name: sonograph-5-banner
    when: {Modality: US, ManufacturerModelName: "Sonograph 5*", Rows: 600, Columns: 800}
    mask: [{left: 0, top: 0, width: 800, height: 40}]
  - name: worklist-screen
    when: {ImageType: SCREEN SAVE, StationName: [WS1, WS2]}
    withhold: true
```
"""

import hashlib
import json
from collections.abc import Hashable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydicom.datadict import dictionary_VR, tag_for_keyword

from processors.deid.burned_in.box import Box, outside
from processors.deid.burned_in.header import Header
from processors.deid.burned_in.layout import Layout
from processors.deid.errors import SignatureRulesError
from processors.yaml_lines import Lines

_COMPARABLE = ("AE", "CS", "DS", "IS", "LO", "SH", "UI", "US")
_MOST_FAULTS = 10


def _listed(value: object) -> object:
    return [
        str(each) if isinstance(each, int | float) and not isinstance(each, bool) else each
        for each in (value if isinstance(value, list | tuple) else [value])
    ]


Values = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class Place(_Part):
    """A box in pixels, from the upper left corner of the image."""

    left: int = Field(ge=0, description="Columns left of it.")
    top: int = Field(ge=0, description="Rows above it.")
    width: int = Field(ge=1, description="Columns of it.")
    height: int = Field(ge=1, description="Rows of it.")

    @property
    def box(self) -> Box:
        """The same as edges."""
        return Box(self.left, self.top, self.left + self.width, self.top + self.height)


class Signature(_Part):
    """One device and layout, and what is masked on it."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$", description="What reports call it.")
    when: dict[str, Values] = Field(
        min_length=1,
        description="Attributes by keyword, all of which must match; a list by any of its values, without case, "
        "`*` standing for anything.",
    )
    mask: tuple[Place, ...] = Field((), description="Boxes to make black.")
    keep: tuple[Place, ...] = Field((), description="Boxes outside which everything is made black.")
    complete: bool = Field(
        False, description="Whether nothing else can show text here, so that it passes where no detector is installed."
    )
    withhold: bool = Field(False, description="Whether such an image never passes.")

    @field_validator("when")
    @classmethod
    def _comparable(cls, when: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for keyword in when:
            if tag_for_keyword(keyword) is None or dictionary_VR(keyword) not in _COMPARABLE:
                message = f"{keyword} is no attribute of PS3.6 that can be compared"
                raise ValueError(message)
        return when

    @model_validator(mode="after")
    def _boxes_fit(self) -> Self:
        if not (self.mask or self.keep or self.withhold):
            raise ValueError("it needs mask, keep or withhold")
        if self.complete and (self.withhold or not (self.mask or self.keep)):
            raise ValueError("complete is said of boxes, so it needs mask or keep, and no withhold")
        if not (self.mask or self.keep):
            return self
        sizes = [self.when.get(keyword, ()) for keyword in ("Rows", "Columns")]
        if any(len(size) != 1 or not size[0].isdigit() for size in sizes):
            raise ValueError("a rule with boxes needs one number each for Rows and Columns in `when`")
        rows, columns = (int(size[0]) for size in sizes)
        for place in (*self.mask, *self.keep):
            if place.box != place.box.within(columns, rows):
                message = f"a box reaches beyond {columns} columns x {rows} rows"
                raise ValueError(message)
        return self

    def matches(self, header: Header) -> bool:
        """Whether a header is of this device and layout."""
        return all(_any_equal(header, keyword, values) for keyword, values in self.when.items())


class Signatures(_Part):
    """All rules of a site."""

    version: Literal[1] = Field(1, description="Version of this file's form.")
    rules: tuple[Signature, ...] = ()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and check a file.

        Raises:
            SignatureRulesError: it cannot be read, is no YAML, or says what cannot be; each fault with its line.
        """
        try:
            return cls.parse(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise SignatureRulesError(f"{path} cannot be read: {error.__class__.__name__}.") from error
        except SignatureRulesError as error:
            raise SignatureRulesError(f"{path}: {error}") from error

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read and check a text.

        Raises:
            SignatureRulesError: as `load`.
        """
        try:
            lines = Lines(text)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            raise SignatureRulesError(f"line {mark.line + 1 if mark else 1}, it is no YAML.") from error
        faults = [(line, f"{name} stands twice in one place") for name, line in lines.repeated]
        made: Self | None = None
        try:
            made = cls.model_validate(lines.written if lines.written is not None else {})
        except ValidationError as error:
            faults += [_fault(lines, found) for found in error.errors()]
        names = [rule.name for rule in made.rules] if made else []
        faults += [
            (lines.of(("rules", at, "name")), f"two rules are called {name}")
            for at, name in enumerate(names)
            if name in names[:at]
        ]
        if made is None or faults:
            said = [f"line {line}, {sentence}" for line, sentence in sorted(set(faults))]
            raise SignatureRulesError("; ".join(said[:_MOST_FAULTS]) + ".")
        return made

    @property
    def digest(self) -> str:
        """SHA-256 of the rules as canonical JSON, hex: comments and layout do not change it."""
        plain = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(plain.encode()).hexdigest()

    def matching(self, header: Header) -> tuple[Signature, ...]:
        """Every rule that a header matches."""
        return tuple(rule for rule in self.rules if rule.matches(header))


def masked_by(rules: tuple[Signature, ...], layout: Layout) -> tuple[Box, ...]:
    """What matching rules mask: their boxes, and all outside of what they keep."""
    boxes = [place.box for rule in rules for place in rule.mask]
    for rule in rules:
        if rule.keep:
            boxes += outside((place.box for place in rule.keep), layout.columns, layout.rows)
    return tuple(boxes)


def _any_equal(header: Header, keyword: str, wanted: tuple[str, ...]) -> bool:
    if dictionary_VR(keyword) == "US":
        found = {str(int(number)) for number in header.numbers(keyword)}
        return not found.isdisjoint(wanted)
    texts = [text.casefold() for text in header.texts(keyword)]
    return any(fnmatchcase(text, value.casefold()) for text in texts for value in wanted)


def _fault(lines: Lines, fault: Any) -> tuple[int, str]:
    path: tuple[Hashable, ...] = tuple(fault["loc"])
    where = ".".join(map(str, path)) or "the file"
    return lines.of(path), f"{where}: {fault['msg'].removeprefix('Value error, ')}"
