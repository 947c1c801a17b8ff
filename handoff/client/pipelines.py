"""Register compiled pipelines, and look at their versions."""

from collections.abc import Iterator

from handoff.client.connection import Connection, read
from handoff.schemas.page import Page
from handoff.schemas.pipelines import PipelineRequest, PipelineView


class Pipelines(Connection):
    """What handoffs run."""

    def register_pipeline(self, name: str, yaml: str, code_digest: str) -> PipelineView:
        """Register a compiled pipeline."""
        request = PipelineRequest(name=name, yaml=yaml, code_digest=code_digest)
        return read(PipelineView, self._post("/v1/pipelines", request.plain()))

    def pipelines(self, name: str | None = None) -> Iterator[PipelineView]:
        """Every version."""
        return self._pages(Page[PipelineView], "/v1/pipelines", name=name)
