"""Model versions, aliases and promotions as the API takes and shows them."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from handoff.contract.document import Document
from handoff.contract.identifiers import ProjectName, RandomId
from handoff.models.gate import Finding
from handoff.schemas.handoffs import ModelId

AliasName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f\x7f]+$")]
PromotionState = Literal["waiting", "approved", "refused"]


class AliasRequest(Document):
    """Which version an alias shall stand for."""

    version: Annotated[int, Field(ge=1, le=999_999_999, description="The model's version.")]
    reason: Reason = Field(description="Why, in a sentence; it is kept and shown. No names of patients.")


class DecisionRequest(Document):
    """Why a promotion is approved or refused."""

    reason: Reason = Field(description="In a sentence; it is kept and shown. No names of patients.")


class AliasView(Document):
    """An alias and the version that it stands for."""

    model: ProjectName
    alias: AliasName
    version: ModelId
    project: ProjectName
    set_by: str
    set_at: float = Field(description="UTC seconds since 1970, for operators.")


class PromotionView(Document):
    """A wish to move an alias, what the gate found, and who decided."""

    id: RandomId
    model: ProjectName
    alias: AliasName
    version: ModelId
    before: ModelId | None = Field(description="The version that the alias stood for when it was asked for.")
    project: ProjectName
    state: PromotionState
    second_person: bool = Field(description="Whether somebody else than who asked has to approve.")
    findings: tuple[Finding, ...] = Field(description="Everything that the gate demands, reached or not.")
    reason: str
    asked_by: str
    asked_at: float = Field(description="UTC seconds since 1970, for operators.")
    decided_by: str | None = Field(description="`gate` where no person did.")
    decided_because: str | None
    decided_at: float | None = Field(description="UTC seconds since 1970, for operators.")
