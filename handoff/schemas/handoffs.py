"""Handoffs as the API takes and shows them."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue, NonNegativeInt, StringConstraints

from handoff.contract.document import Document
from handoff.contract.identifiers import Digest, ProjectName, RandomId, StoreUri
from handoff.contract.result import ResultFile, RunKind
from handoff.handoffs.state import State
from handoff.targets import TargetName

ModelId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}:[1-9][0-9]{0,8}$")]
ModelReference = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}(:[1-9][0-9]{0,8}|@[a-z][a-z0-9_-]{0,62})$"),
    Field(description="name:version, or name@alias for the version that the alias stands for now."),
]
ParameterName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]


class HandoffRequest(Document):
    """What to run on what, where."""

    kind: RunKind
    batch: Digest
    target: TargetName = "local"
    pipeline: ProjectName | Digest = Field(description="A name, meaning its newest version, or a version.")
    parameters: dict[ParameterName, JsonValue] = Field(default_factory=dict)
    model: ModelReference | None = Field(
        None, description="name:version or name@alias; for the kinds retrain, evaluate and infer."
    )


class RerunRequest(Document):
    """Why a handoff that ended is to run once more."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=256)] = Field(
        description="Kept with the new handoff; the same reason for the same handoff is the same rerun."
    )


class EventView(Document):
    """Something that happened to a handoff, in order."""

    id: int = Field(description="Rises with each event; what Last-Event-ID takes.")
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
    target: str = Field(description="Where it runs; the pool's name until one of its targets has it.")
    pool: str | None = Field(description="The pool that it was handed to.")
    gpus: NonNegativeInt = Field(description="GPUs that its run takes.")
    queue_position: int | None = Field(
        None,
        ge=1,
        description="Its place among those that wait for the same target or pool, as turns go now; not in the answer "
        "that accepts it.",
    )
    waits_for: Literal["turn", "gpu-quota", "target-gone"] | None = Field(
        None,
        description="Why it waits in the queue, said together with its place; `target-gone`: handoff.yaml names its "
        "target or pool no more.",
    )
    dead_letter: bool = Field(description="It ended though no engine had its run, so :retry sends it again.")
    rerun_of: RandomId | None = Field(None, description="The handoff that it runs once more.")
    rerun_reason: str | None = None
    asked_by: str | None = Field(None, description="Who decided it.")
    created_at: float = Field(description="UTC seconds since 1970, for operators.")
    ended_at: float | None = None
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
    files: tuple[ResultFile, ...] = Field(
        (), description="Files of the result whose digests were re-read; not in lists."
    )
    events: tuple[EventView, ...] = Field((), description="What happened, the oldest first; not in lists.")


class ArtifactView(Document):
    """A file that the steps of a run left for each other or for people."""

    path: str = Field(description="Below the run's artifacts, with forward slashes.")
    size: NonNegativeInt = Field(description="In bytes.")
