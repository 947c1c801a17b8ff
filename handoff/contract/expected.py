"""How many instances of one study there should be, counted by a PACS: evidence that does not wait for silence."""

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveInt, TypeAdapter

from handoff.contract.document import Document
from handoff.contract.evidence import Evidence
from handoff.contract.identifiers import ProjectName, RandomId, Uid


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


EVIDENCE_MESSAGE: TypeAdapter[Evidence | ExpectedCount] = TypeAdapter(Evidence | ExpectedCount)
"""Whatever PUT /v1/evidence/{id} takes."""
