"""Studies as the API shows them."""

from typing import Any, Literal

from pydantic import Field, NonNegativeInt

from handoff.contract.document import Document
from handoff.contract.identifiers import ProjectName, Pseudonym, Uid


class StudyView(Document):
    """One pseudonymous study of one project."""

    project: ProjectName
    study: Uid
    patient: Pseudonym | None = Field(description="Null until the first shipment.")
    state: Literal["open", "complete"]
    version: NonNegativeInt = Field(description="0 until it was complete once.")
    truth: Literal["annotated", "unannotated", "dangling"] = Field(
        description="Whether an annotation refers to an image of the study; dangling: it refers to none."
    )
    waiting_for: str | None = Field(description="Why an open study is open.")
    expected: int | None = Field(None, description="Instances that a PACS counts; null while none was asked.")
    shipments: NonNegativeInt
    instances: NonNegativeInt = Field(description="Instances of the last complete version.")
    closed_by: dict[str, Any] | None = Field(description="The evidence that closed the last version.")
