"""Withdrawals as the API takes and shows them."""

from typing import Literal

from pydantic import Field, NonNegativeInt

from handoff.contract.document import Document
from handoff.contract.identifiers import Digest, ProjectName, RandomId, ReasonCode
from handoff.contract.withdrawal import RemainingCopy

MOST_SHIPMENTS = 20_000
"""Of one withdrawal; a longer list is several, each with its certificate."""


class WithdrawalRequest(Document):
    """Shipments that may never be used again."""

    project: ProjectName
    shipments: tuple[RandomId, ...] = Field(
        min_length=1, max_length=MOST_SHIPMENTS, description="Also those that have not arrived: they will be refused."
    )
    reason: ReasonCode = Field(description="Why, as a word: consent-withdrawn.")


class WithdrawalView(Document):
    """A withdrawal, and how far it is."""

    id: RandomId
    project: ProjectName
    reason: ReasonCode
    asked_by: str
    state: Literal["purging", "purged", "remains"] = Field(description="remains: some copies could not be purged.")
    waiting_for: tuple[str, ...] = Field(
        description="Why it is still purging: shipments, runs, copies, or a holder of copies."
    )
    shipments: tuple[RandomId, ...]
    never_arrived: tuple[RandomId, ...]
    batches: tuple[Digest, ...] = Field(description="Batches that it closed.")
    handoffs: tuple[RandomId, ...] = Field(description="Handoffs on those batches that have not ended yet.")
    purged: dict[str, NonNegativeInt] = Field(description="Purged copies by kind.")
    remains: tuple[RemainingCopy, ...] = Field(description="Copies that are there now and why.")


class WithdrawalItem(Document):
    """A withdrawal in a list."""

    id: RandomId
    project: ProjectName
    reason: ReasonCode
    asked_by: str
    state: Literal["purging", "purged", "remains"]
    shipments: NonNegativeInt
