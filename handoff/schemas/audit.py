"""What the record of changes shows."""

from pydantic import Field

from handoff.contract.document import Document


class ActView(Document):
    """Something that was asked for, and what came of it."""

    id: int
    at: float = Field(description="UTC, seconds since 1970.")
    principal: str = Field(description="`-` when nobody known asked.")
    role: str
    action: str = Field(description="The name of the route or command.")
    subject: str = Field(description="The ids that it was about, or of what it made; `-` without any.")
    status: int = Field(description="As HTTP has it.")
    code: str | None = Field(description="Of the problem, if there was one.")
