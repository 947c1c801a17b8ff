"""Projects as the API shows them."""

from typing import Literal

from pydantic import Field, NonNegativeInt

from handoff.contract.document import Document
from handoff.contract.identifiers import ProjectName
from handoff.handoffs.state import State


class ProjectView(Document):
    """Whom data is for, and how much of it there is."""

    name: ProjectName
    configured: bool = Field(description="Whether handoff.yaml names it; else the rules of all projects hold.")
    studies: dict[Literal["open", "complete"], NonNegativeInt]
    batches: NonNegativeInt
    handoffs: dict[State, NonNegativeInt]
    models: NonNegativeInt
