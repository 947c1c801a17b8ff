"""Studies as the API shows them."""

from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeInt, StringConstraints

from handoff.contract.document import Document
from handoff.contract.identifiers import Digest, ProjectName, Pseudonym, RandomId, Uid


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


class StudyVersionView(Document):
    """A study as it was when it was closed."""

    version: NonNegativeInt
    content: Digest = Field(description="Digest of what it held.")
    instances: NonNegativeInt
    closed_by: dict[str, Any] = Field(description="The rule, and the numbers that it was judged by.")


class EvidenceView(Document):
    """A message that speaks of a study."""

    id: RandomId
    says: str = Field(description="The kind of message, by its schema.")


class StudyDetail(StudyView):
    """One study with its history."""

    versions: tuple[StudyVersionView, ...] = Field(description="Each version that was complete, the oldest first.")
    evidence: tuple[EvidenceView, ...] = Field(description="What was said of it, in the order of arrival.")


class CloseRequest(Document):
    """Why a study is closed though something is missing."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=256)] = Field(
        pattern=r"^[^\x00-\x1f\x7f]*$", description="In a person's words, and without a patient's data."
    )
