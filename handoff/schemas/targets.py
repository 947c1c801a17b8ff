"""Targets as the API shows them; no address and no path of the service's machine."""

from pydantic import Field, NonNegativeInt, PositiveInt

from handoff.contract.document import Document
from handoff.schemas.handoffs import ModelId
from handoff.targets import TargetName


class TargetView(Document):
    """Where runs happen."""

    name: TargetName
    backend: str = Field(description="The kind of engine.")
    local: bool = Field(description="Runs happen beside its worker, so only pipelines that an admin registered.")
    runs_at_once: PositiveInt = Field(description="How many run at one time.")
    model: ModelId | None = Field(None, description="The one model that it serves; null where pipelines run.")
    waiting: NonNegativeInt = Field(description="Handoffs that no engine has yet.")
    running: NonNegativeInt = Field(description="Handoffs at the engine.")


class ProbeView(Document):
    """Whether a target could run something now, as the service's machine sees it."""

    name: TargetName
    ok: bool
    versions: dict[str, str] = Field(description="What answered.")
    problem: str | None = Field(None, description="Why nothing can run, as a code.")
    says: tuple[str, ...] = Field(description="The same in plain words, with what to do.")
