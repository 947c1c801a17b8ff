"""How many instances of one study there should be, as a PACS or a person counts: evidence that needs no silence."""

from typing import Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, TypeAdapter, model_validator

from handoff.contract.commitment import StorageCommitment
from handoff.contract.document import Document
from handoff.contract.evidence import Evidence
from handoff.contract.identifiers import ProjectName, RandomId, Uid
from handoff.contract.performed import PerformedStep


class ExpectedCount(Document):
    """Counts of one study for one project; each instance counts once, however often it came.

    The study is complete when what arrived, with what was withheld and what is elsewhere, is what is expected.
    """

    schema_: Literal["sluice.expected-count/1"] = Field("sluice.expected-count/1", alias="schema")
    evidence_id: RandomId
    project: ProjectName
    study_instance_uid: Uid = Field(description="Pseudonymous.")
    revision: PositiveInt = Field(description="Rises with each count of the study; the highest one holds.")
    expected: NonNegativeInt = Field(description="Instances of the study at the PACS, by C-FIND.")
    delivered: NonNegativeInt = Field(description="Of these, in shipments to the project when this was written.")
    withheld: NonNegativeInt = Field(description="Refused by de-identification.")
    held: NonNegativeInt = Field(description="Waiting for a person in the trusted zone.")
    elsewhere: NonNegativeInt = Field(
        description="Here, and by the site's rules or a person's word not for the project."
    )


class SeriesCount(Document):
    """One series that there should be, and how many instances it should have; each counts once."""

    series_instance_uid: Uid = Field(description="Pseudonymous.")
    expected: PositiveInt
    withheld: NonNegativeInt = Field(0, description="Refused by de-identification.")
    held: NonNegativeInt = Field(0, description="Waiting for a person in the trusted zone.")
    elsewhere: NonNegativeInt = Field(0, description="By the site's rules or a person's word not for the project.")


class ExpectedSeries(Document):
    """The series of one study by name, each with its number of instances."""

    schema_: Literal["sluice.expected-series/1"] = Field("sluice.expected-series/1", alias="schema")
    evidence_id: RandomId
    project: ProjectName
    study_instance_uid: Uid = Field(description="Pseudonymous.")
    revision: PositiveInt = Field(description="Rises with each such message of the study; the highest one holds.")
    counted_by: Literal["pacs", "operator"] = Field(description="Whether a PACS was asked, or a person said so.")
    all_series: bool = Field(
        description="The study has these series and no others; else they are only those that must not be missing."
    )
    series: tuple[SeriesCount, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_series_once(self) -> Self:
        if len({series.series_instance_uid for series in self.series}) != len(self.series):
            message = "a series stands twice in the evidence"
            raise ValueError(message)
        return self


EvidenceDocument = Evidence | ExpectedCount | ExpectedSeries | StorageCommitment | PerformedStep
EVIDENCE_MESSAGE: TypeAdapter[EvidenceDocument] = TypeAdapter(EvidenceDocument)
"""Whatever PUT /v1/evidence/{id} takes."""
