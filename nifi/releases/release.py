"""A release before it is deployed: flows, how they stand together, what a site gives, and where it was read from."""

from dataclasses import dataclass, field

from nifi.releases.flow import Assembly, Flow, assembly_text, read_assembly, read_flows, release_digest
from nifi.releases.parameters import parameters_text

FILES = "files"
"""The origin of a release that was read from this package's own files."""


@dataclass(frozen=True, slots=True)
class Release:
    """What is deployed as one thing, beside the NAR."""

    flows: tuple[Flow, ...]
    assembly_text: str
    parameters_text: str
    origin: str = FILES
    """`files`, `git:<commit>` or `registry:<version>`."""

    nar_digest: str = field(default="", compare=False)
    """Of the NAR that it was published with, where that is known."""

    @property
    def assembly(self) -> Assembly:
        """How the flows stand side by side."""
        return read_assembly(self.assembly_text)

    def digest(self, nar_digest: str) -> str:
        """What names the release, together with the NAR that it runs with."""
        return release_digest(self.flows, nar_digest, self.assembly_text)

    def flow(self, name: str) -> Flow | None:
        """The flow of that name."""
        return next((flow for flow in self.flows if flow.name == name), None)


def release_of_files() -> Release:
    """The release that this package's files are."""
    return Release(tuple(read_flows()), assembly_text(), parameters_text())
