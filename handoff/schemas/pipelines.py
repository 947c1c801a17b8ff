"""Pipelines as the API takes and shows them."""

from typing import Any

from pydantic import Field

from handoff.contract.document import Document
from handoff.contract.identifiers import Digest, ProjectName


class PipelineRequest(Document):
    """A compiled pipeline to register."""

    name: ProjectName = Field(description="What handoffs call it; the newest version of a name is used.")
    yaml: str = Field(max_length=4 << 20, description="The compiled KFP YAML.")
    code_digest: Digest = Field(description="Digest of the code that its components import.")


class PipelineInput(Document):
    """One input of a pipeline."""

    type: str = Field(description="STRING, NUMBER_INTEGER, NUMBER_DOUBLE, BOOLEAN, LIST or STRUCT.")
    optional: bool = False
    default: Any = None


class PipelineView(Document):
    """A registered version."""

    name: ProjectName
    version: Digest
    yaml_digest: Digest
    code_digest: Digest
    inputs: dict[str, PipelineInput]
    local_too: bool = Field(description="Whether it may run on a target that runs things beside its worker.")
    registered_by: str | None = Field(None, description="Who let it in; null for what is older than this record.")
