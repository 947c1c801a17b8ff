"""A trace: what an id came from and what came of it, within the research zone."""

from typing import Any, Literal

from pydantic import Field

from handoff.contract.document import Document
from handoff.contract.identifiers import ProjectName

NodeKind = Literal["shipment", "evidence", "labels", "study", "instance", "batch", "handoff", "model", "file"]
Way = Literal["up", "down"]


class TraceNode(Document):
    """One thing of the line."""

    kind: NodeKind
    id: str
    facts: dict[str, Any] = Field(default_factory=dict)


class TraceEdge(Document):
    """What became what."""

    source: str = Field(alias="from", description="kind:id")
    target: str = Field(alias="to", description="kind:id")


class TraceCut(Document):
    """A thing of which more came, or that came from more, than the trace shows."""

    node: str = Field(description="kind:id")
    way: Way
    kind: NodeKind = Field(description="Of what is left out; GET /v1/trace/{id}/{way}?kind= pages through all of it.")


class Trace(Document):
    """The whole line of an id, both ways, or the nearest part of it that the limit lets show."""

    start: str = Field(description="kind:id")
    nodes: tuple[TraceNode, ...]
    edges: tuple[TraceEdge, ...]
    complete: bool = Field(True, description="False when the limit left something out.")
    cut: tuple[TraceCut, ...] = Field((), description="Where it did.")


class LineageEventView(Document):
    """What came to be, as the log of lineage has it."""

    id: int = Field(description="Rises with each event.")
    event: str
    subject: str = Field(description="kind:id")
    project: ProjectName
    facts: dict[str, Any]
