"""Handoffs as the API takes and shows them."""

from typing import Annotated

from pydantic import Field, JsonValue, NonNegativeInt, StringConstraints

from handoff.contract.document import Document
from handoff.contract.identifiers import Digest, ProjectName, RandomId, StoreUri
from handoff.contract.result import ResultFile, RunKind
from handoff.handoffs.state import State
from handoff.targets import TargetName

ModelId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}:[1-9][0-9]{0,8}$")]
ParameterName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]


class HandoffRequest(Document):
    """What to run on what, where."""

    kind: RunKind
    batch: Digest
    target: TargetName = "local"
    pipeline: ProjectName | Digest = Field(description="A name, meaning its newest version, or a version.")
    parameters: dict[ParameterName, JsonValue] = Field(default_factory=dict)
    model: ModelId | None = Field(None, description="name:version; only for kind infer.")


class EventView(Document):
    """Something that happened to a handoff, in order."""

    event: str
    reason: str | None
    at: float = Field(description="UTC seconds since 1970, for operators.")


class HandoffView(Document):
    """A decision, and what became of it."""

    id: RandomId
    key: Digest = Field(description="The digest of the decision; the run's name at every engine.")
    kind: RunKind
    project: ProjectName
    batch: Digest
    prepared_by: RandomId | None = Field(description="The handoff that prepared the batch.")
    target: str
    pipeline: ProjectName
    pipeline_version: Digest
    pipeline_digest: Digest = Field(description="SHA-256 of the committed YAML.")
    prepared_digest: Digest | None = Field(description="SHA-256 of the YAML as the target prepared and sent it.")
    parameters: dict[str, JsonValue]
    model: ModelId | None = Field(description="The model that it used.")
    state: State
    reason: str | None = Field(description="Why it ended so, or what it waits for, as a code.")
    attempts: NonNegativeInt = Field(description="Times that it was sent to the engine.")
    reference: str | None = Field(description="What the engine calls the run.")
    cancel_asked: bool
    batch_uri: StoreUri
    result_uri: StoreUri
    spec_digest: Digest | None
    metrics: dict[str, float]
    made_model: ModelId | None = Field(None, description="The model that it made.")
    files: tuple[ResultFile, ...] = Field((), description="Files of the result whose digests were re-read.")
    events: tuple[EventView, ...] = ()
