"""The whole line of an id: everything it came from, and everything that came of it."""

from collections.abc import Iterable

from sqlalchemy.orm import Session

from handoff.errors import NotFoundError
from handoff.lineage.edges import DOWN, UP, Step
from handoff.lineage.nodes import Node, describe, find
from handoff.schemas.trace import Trace, TraceEdge, TraceNode

Edges = set[tuple[Node, Node]]


def trace(session: Session, identifier: str) -> Trace:
    """Walk up to the sources, and down to the results.

    Raises:
        NotFoundError: the id names nothing here.
    """
    starts = find(session, identifier)
    if not starts:
        raise NotFoundError("No shipment, study, instance, batch, handoff or model has this id.")
    edges: Edges = {(above, below) for below, above in _walk(session, starts, UP)}
    edges |= set(_walk(session, starts, DOWN))
    nodes = sorted({*starts, *(node for edge in edges for node in edge)}, key=lambda node: (node.kind, node.key))
    described = {node: describe(session, node) for node in nodes}
    names = {node: f"{node.kind}:{described[node][0]}" for node in nodes}
    return Trace(
        start=names[starts[0]],
        nodes=tuple(TraceNode(kind=node.kind, id=described[node][0], facts=described[node][1]) for node in nodes),
        edges=tuple(
            TraceEdge(source=source, target=target)
            for source, target in sorted({(names[above], names[below]) for above, below in edges})
        ),
    )


def _walk(session: Session, starts: Iterable[Node], steps: dict[str, Step]) -> Edges:
    """Every (node, next node) that can be reached."""
    edges: Edges = set()
    waiting = list(starts)
    seen = set(waiting)
    while waiting:
        node = waiting.pop()
        step = steps.get(node.kind)
        for reached in step(session, node.key) if step is not None else ():
            edges.add((node, reached))
            if reached not in seen:
                seen.add(reached)
                waiting.append(reached)
    return edges
