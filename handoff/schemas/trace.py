"""A trace: what an id came from and what came of it, within the research zone."""

from typing import Any, Literal

from pydantic import Field

from handoff.contract.document import Document

NodeKind = Literal["shipment", "evidence", "labels", "study", "instance", "batch", "handoff", "model", "file"]


class TraceNode(Document):
    """One thing of the line."""

    kind: NodeKind
    id: str
    facts: dict[str, Any] = Field(default_factory=dict)


class TraceEdge(Document):
    """What became what."""

    source: str = Field(alias="from", description="kind:id")
    target: str = Field(alias="to", description="kind:id")


class Trace(Document):
    """The whole line of an id, both ways."""

    start: str = Field(description="kind:id")
    nodes: tuple[TraceNode, ...]
    edges: tuple[TraceEdge, ...]
