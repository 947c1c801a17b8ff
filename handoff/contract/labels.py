"""Label rows imported in the trusted zone: annotations that are values, each with its source; pseudonyms only."""

import math
import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StrictBool, StrictFloat, StrictInt, StringConstraints, model_validator

from handoff.contract.document import Document
from handoff.contract.identifiers import ProjectName, Pseudonym, RandomId, Uid

MOST_ROWS = 5000
"""Rows of one document; a longer import is several documents of one revision."""
LARGEST_WHOLE = 2**53
"""Whole numbers from here on are not exact in every JSON reader."""


def _is_no_number(code: str) -> str:
    if not re.search(r"[A-Za-z]", code):
        message = "a code has at least one letter"
        raise ValueError(message)
    return code


def _is_exact(number: float) -> float:
    if not math.isfinite(number) or abs(number) >= LARGEST_WHOLE:
        message = "a number is finite and below 2**53"
        raise ValueError(message)
    return number


Level = Literal["patient", "study", "series", "instance"]
LabelName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9_]{1,63}$"), Field(description="What a label is called, as its column.")
]
LabelSource = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$"),
    Field(description="Where labels come from, as a word, such as radiology-2026."),
]
LabelCode = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+:-]{0,63}$"),
    AfterValidator(_is_no_number),
    Field(description="A code: one short word without blanks, never free text."),
]
LabelNumber = Annotated[StrictInt | StrictFloat, AfterValidator(_is_exact)]
LabelValue = StrictBool | LabelNumber | LabelCode
"""A closed set of JSON scalars."""


class LabelRow(Document):
    """The labels of one patient, study, series or instance; which of them, `level` says."""

    level: Level
    patient: Pseudonym
    study: Uid | None = Field(None, description="StudyInstanceUID, pseudonymous; null at the level patient.")
    series: Uid | None = Field(None, description="SeriesInstanceUID, pseudonymous; at the levels series and instance.")
    sop_instance_uid: Uid | None = Field(None, description="Pseudonymous; at the level instance.")
    labels: dict[LabelName, LabelValue] = Field(min_length=1, description="Label: value.")

    @model_validator(mode="after")
    def _named_to_its_level(self) -> Self:
        depth = ("patient", "study", "series", "instance").index(self.level)
        uids = (self.study, self.series, self.sop_instance_uid)
        if any(uid is None for uid in uids[:depth]) or any(uid is not None for uid in uids[depth:]):
            message = "a row names its level and all above it, and nothing below"
            raise ValueError(message)
        return self

    @property
    def target(self) -> str:
        """The pseudonym of what is labelled, at its level."""
        return self.sop_instance_uid or self.series or self.study or self.patient


class Labels(Document):
    """Label rows of one source for one project. No time, no address, nothing original.

    Of two values for one name of one thing from one source, that of the higher revision holds, whatever arrives last.
    """

    schema_: Literal["sluice.labels/1"] = Field("sluice.labels/1", alias="schema")
    labels_id: RandomId
    project: ProjectName
    source: LabelSource
    revision: int = Field(ge=1, le=2**31 - 1, description="Rises with each import of this source for this project.")
    rows: tuple[LabelRow, ...] = Field(min_length=1, max_length=MOST_ROWS)

    @model_validator(mode="after")
    def _each_value_once(self) -> Self:
        said = [(row.level, row.target, name) for row in self.rows for name in row.labels]
        if len(set(said)) != len(said):
            message = "a label of one thing stands twice"
            raise ValueError(message)
        return self
