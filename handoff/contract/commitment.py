"""Which instances of one study a modality asked to be kept: evidence that names each of them."""

from typing import Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from handoff.contract.document import Document
from handoff.contract.identifiers import ProjectName, RandomId, Uid


class StorageCommitment(Document):
    """The instances of one study in one request for storage commitment, as one project sees them (PS3.4 J.3)."""

    schema_: Literal["sluice.storage-commitment/1"] = Field("sluice.storage-commitment/1", alias="schema")
    evidence_id: RandomId
    project: ProjectName
    study_instance_uid: Uid = Field(description="Pseudonymous.")
    request: RandomId = Field(description="Which request; stands for its Transaction UID. A study may have many.")
    revision: PositiveInt = Field(description="Rises when a person's decision changes the counts; the highest holds.")
    instances: tuple[Uid, ...] = Field((), description="Pseudonymous SOP Instance UIDs of those meant for the project.")
    withheld: NonNegativeInt = Field(0, description="Others of the request that de-identification refused.")
    held: NonNegativeInt = Field(0, description="Others that wait for a person in the trusted zone.")
    elsewhere: NonNegativeInt = Field(0, description="Others that by rules or a person's word are not for the project.")
    total: PositiveInt = Field(description="Instances of the study in the request.")

    @model_validator(mode="after")
    def _each_once_and_all_told(self) -> Self:
        if len(set(self.instances)) != len(self.instances):
            message = "an instance stands twice in the list"
            raise ValueError(message)
        if len(self.instances) + self.withheld + self.held + self.elsewhere != self.total:
            message = "the list and the counts beside it are not the total"
            raise ValueError(message)
        return self
