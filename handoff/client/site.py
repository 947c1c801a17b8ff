"""Projects, and the targets that run things."""

from collections.abc import Iterator

from handoff.client.connection import Connection, read
from handoff.client.place import at
from handoff.schemas.page import Page
from handoff.schemas.projects import ProjectView
from handoff.schemas.targets import ProbeView, TargetView


class Site(Connection):
    """What handoff.yaml decides, and what came of it."""

    def projects(self) -> Iterator[ProjectView]:
        """Every project."""
        return self._pages(Page[ProjectView], "/v1/projects")

    def project(self, name: str) -> ProjectView:
        """One project."""
        return read(ProjectView, self._get(at("/v1/projects/{}", name)))

    def targets(self) -> Iterator[TargetView]:
        """Every target."""
        return self._pages(Page[TargetView], "/v1/targets")

    def target(self, name: str) -> TargetView:
        """One target."""
        return read(TargetView, self._get(at("/v1/targets/{}", name)))

    def probe(self, name: str) -> ProbeView:
        """Ask a target whether it could run something now."""
        return read(ProbeView, self._post(at("/v1/targets/{}:probe", name), None))
