"""Results and models as the API shows them."""

from pydantic import Field

from handoff.contract.document import Document
from handoff.contract.identifiers import Digest, ProjectName, RandomId, RelativePath, StoreUri
from handoff.contract.result import ResultFile, RunKind
from handoff.schemas.handoffs import ModelId


class ResultView(Document):
    """What one SUCCEEDED handoff left; every digest was re-read."""

    handoff: RandomId
    key: Digest
    kind: RunKind
    project: ProjectName
    batch: Digest
    model: ModelId | None
    spec_digest: Digest
    result_uri: StoreUri
    metrics: dict[str, float]
    files: tuple[ResultFile, ...]


class ModelView(Document):
    """A model version. The spec digest says which volumes it understands."""

    id: ModelId
    name: ProjectName
    version: int
    project: ProjectName
    handoff: RandomId
    batch: Digest
    spec_digest: Digest
    uri: StoreUri
    file: RelativePath
    metrics: dict[str, float]
    aliases: tuple[str, ...] = Field((), description="Names that stand for it now.")
    retrained_from: ModelId | None = Field(None, description="The version whose weights its training began with.")


class EvaluationView(Document):
    """What a handoff of the kind evaluate measured of a model version."""

    model: ModelId
    handoff: RandomId
    project: ProjectName
    batch: Digest
    pipeline_version: Digest
    spec_digest: Digest
    metrics: dict[str, float]
    ended_at: float = Field(description="UTC seconds since 1970, for operators.")
