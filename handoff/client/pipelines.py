"""Register compiled pipelines, and look at their versions."""

from collections.abc import Iterator

from handoff.client.connection import Connection, checked, read
from handoff.client.place import at
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

    def pipeline(self, name_or_version: str) -> PipelineView:
        """One version by its digest, or the newest of a name."""
        return read(PipelineView, self._get(at("/v1/pipelines/{}", name_or_version)))

    def pipeline_yaml(self, version: str) -> str:
        """The YAML of a version as it was registered."""
        return checked(self._get(at("/v1/pipelines/{}/yaml", version))).text
