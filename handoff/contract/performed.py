"""Which instances of one study a modality says that it has made: evidence that names each of them."""

from typing import Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from handoff.contract.document import Document
from handoff.contract.identifiers import ProjectName, RandomId, Uid


class PerformedStep(Document):
    """What one completed Modality Performed Procedure Step made of one study, as one project sees it (PS3.4 F.7)."""

    schema_: Literal["sluice.performed-step/1"] = Field("sluice.performed-step/1", alias="schema")
    evidence_id: RandomId
    project: ProjectName
    study_instance_uid: Uid = Field(description="Pseudonymous.")
    step: RandomId = Field(description="Which step; stands for its SOP Instance UID. A study may have many.")
    revision: PositiveInt = Field(description="Rises when what became of its instances changes; the highest holds.")
    instances: tuple[Uid, ...] = Field((), description="Pseudonymous SOP Instance UIDs of those meant for the project.")
    withheld: NonNegativeInt = Field(0, description="Others of the step that de-identification refused.")
    held: NonNegativeInt = Field(0, description="Others that wait for a person in the trusted zone.")
    elsewhere: NonNegativeInt = Field(0, description="Others that by rules or a person's word are not for the project.")
    total: PositiveInt = Field(description="Instances that the step names.")

    @model_validator(mode="after")
    def _each_once_and_all_told(self) -> Self:
        if len(set(self.instances)) != len(self.instances):
            message = "an instance stands twice in the list"
            raise ValueError(message)
        if len(self.instances) + self.withheld + self.held + self.elsewhere != self.total:
            message = "the list and the counts beside it are not the total"
            raise ValueError(message)
        return self
