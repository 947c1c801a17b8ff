"""Label documents as the API shows them."""

from pydantic import Field, NonNegativeInt, PositiveInt

from handoff.contract.document import Document
from handoff.contract.identifiers import Digest, ProjectName, RandomId
from handoff.contract.labels import LabelSource, Level


class LabelsView(Document):
    """One label document. No receive time, no address."""

    id: RandomId
    project: ProjectName
    source: LabelSource
    revision: PositiveInt
    rows: NonNegativeInt
    sha256: Digest
    size: NonNegativeInt


class LabelsDetail(LabelsView):
    """One label document, and what its rows still wait for."""

    pending: dict[Level, NonNegativeInt] = Field(
        description="Rows whose patient, study, series or instance has not arrived under these pseudonyms."
    )
