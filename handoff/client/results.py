"""What runs left: results, models, and the line of an id."""

from collections.abc import Iterator

from handoff.client.connection import Connection, checked, read
from handoff.contract.result import RunKind
from handoff.schemas.page import Page
from handoff.schemas.results import ModelView, ResultView
from handoff.schemas.trace import Trace


class Results(Connection):
    """What came of handoffs."""

    def results(self, project: str | None = None, kind: RunKind | None = None) -> Iterator[ResultView]:
        """Every believed result."""
        return self._pages(Page[ResultView], "/v1/results", project=project, kind=kind)

    def result_file(self, handoff_id: str, path: str) -> bytes:
        """One file of a result."""
        return checked(self._get(f"/v1/results/{handoff_id}/files/{path}")).content

    def models(self, project: str | None = None, name: str | None = None) -> Iterator[ModelView]:
        """Every model version."""
        return self._pages(Page[ModelView], "/v1/models", project=project, name=name)

    def trace(self, identifier: str) -> Trace:
        """The whole line of an id."""
        return read(Trace, self._get(f"/v1/trace/{identifier}"))
