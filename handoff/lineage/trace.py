"""The whole line of an id: everything it came from, and everything that came of it, nearest first.

1. Both ways are walked level by level, all things of a level by one question for each kind of step.
2. A limit bounds the things that are shown: half of it for what came before, the rest for what came after. What does
   not fit is cut, and said to be.
3. The things are described together, kind by kind; those of projects that the asker may not see are left out.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from handoff.access.principal import Principal
from handoff.errors import NotFoundError
from handoff.lineage.describe import Described, describe
from handoff.lineage.edges import STEPS, Step, handoff_of
from handoff.lineage.nodes import Node, find
from handoff.schemas.trace import NodeKind, Trace, TraceCut, TraceEdge, TraceNode, Way

NODES = 1000
"""Things that a trace shows unless it is asked for another number."""
_AT_ONCE = 500


@dataclass(slots=True)
class _Walk:
    """What was reached, and where the walk was cut."""

    way: Way
    seen: set[Node]
    room: int
    edges: set[tuple[Node, Node]] = field(default_factory=set)
    cut: set[tuple[Node, NodeKind]] = field(default_factory=set)

    def reach(self, node: Node, reached: Node) -> bool:
        """Note an edge; True when it leads to something new."""
        self.edges.add((reached, node) if self.way == "up" else (node, reached))
        if reached in self.seen:
            return False
        self.seen.add(reached)
        self.room -= 1
        return True


def trace(session: Session, identifier: str, limit: int = NODES, who: Principal | None = None) -> Trace:
    """Walk up to the sources, and down to the results.

    Raises:
        NotFoundError: the id names nothing here that the asker may see.
    """
    starts = starts_of(session, identifier, who)
    up = _walk(session, "up", starts, max(1, limit // 2))
    down = _walk(session, "down", starts, max(1, limit - len(up.seen)))
    nodes = sorted(up.seen | down.seen, key=lambda node: (node.kind, node.key))
    described = _visible(describe(session, nodes), who)
    names = {node: f"{node.kind}:{about.id}" for node, about in described.items()}
    cuts = [
        TraceCut(node=names[node], way=walk.way, kind=kind)
        for walk in (up, down)
        for node, kind in sorted(walk.cut, key=lambda one: (one[0].kind, one[0].key, one[1]))
        if node in names
    ]
    known = {(names[one], names[other]) for one, other in up.edges | down.edges if one in names and other in names}
    return Trace(
        start=names[starts[0]],
        nodes=tuple(TraceNode(kind=node.kind, id=about.id, facts=about.facts) for node, about in described.items()),
        edges=tuple(TraceEdge(source=source, target=target) for source, target in sorted(known)),
        complete=not (up.cut or down.cut),
        cut=tuple(cuts),
    )


def neighbours(
    session: Session, identifier: str, way: Way, kind: NodeKind, *, after: str | None, limit: int, who: Principal | None
) -> tuple[Sequence[TraceNode], str | None]:
    """A page of what is one step from an id, and the cursor of the next page.

    Raises:
        NotFoundError: the id names nothing here that the asker may see, or several things.
    """
    starts = starts_of(session, identifier, who)
    if len(starts) > 1:
        raise NotFoundError("The id names several things; name one of them.")
    if starts[0].kind == "file":
        found = [handoff_of(starts[0])] if (way, kind, after) == ("up", "handoff", None) else []
    else:
        steps = [step for step in STEPS[way] if (step.source, step.target) == (starts[0].kind, kind)]
        found = [there for step in steps for _, there in step.take(session, starts, limit + 1, after)]
    page = found[:limit]
    described = _visible(describe(session, page), who)
    nodes = [TraceNode(kind=node.kind, id=about.id, facts=about.facts) for node, about in described.items()]
    key = page[-1].key if len(found) > limit else None
    return nodes, key.partition("/")[2] if key and kind == "file" else key


def starts_of(session: Session, identifier: str, who: Principal | None) -> Sequence[Node]:
    """What an id names.

    Raises:
        NotFoundError: nothing that the asker may see.
    """
    starts = list(_visible(describe(session, find(session, identifier)), who))
    if not starts:
        raise NotFoundError("No shipment, study, instance, batch, handoff or model has this id.")
    return starts


def _visible(described: dict[Node, Described], who: Principal | None) -> dict[Node, Described]:
    if who is None:
        return described
    return {node: about for node, about in described.items() if who.sees(about.project)}


def _walk(session: Session, way: Way, starts: Sequence[Node], room: int) -> _Walk:
    walk = _Walk(way, set(starts), room)
    level: Sequence[Node] = starts
    while level:
        by_kind: dict[NodeKind, list[Node]] = defaultdict(list)
        for node in level:
            by_kind[node.kind].append(node)
        files = by_kind["file"] if way == "up" else []
        reached = [handoff_of(file) for file in files if walk.reach(file, handoff_of(file))]
        for step in STEPS[way]:
            reached += _take(session, walk, step, sorted(by_kind[step.source], key=lambda node: node.key))
        level = reached
    return walk


def _take(session: Session, walk: _Walk, step: Step, sources: Sequence[Node]) -> Iterator[Node]:
    """Everything that a step newly reaches, as far as there is room; the rest is cut."""
    for start in range(0, len(sources), _AT_ONCE):
        chunk = sources[start : start + _AT_ONCE]
        limit = max(walk.room, 0) + 1
        pairs = step.take(session, chunk, limit)
        if len(pairs) == limit:
            *pairs, (cut, _) = pairs
            done = {node for node, _ in pairs if node != cut}
            walk.cut |= {(node, step.target) for node in chunk if node not in done}
        for node, reached in pairs:
            if walk.reach(node, reached):
                yield reached
