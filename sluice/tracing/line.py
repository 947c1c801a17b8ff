"""A line: things, each with some facts, and what became what. Both zones speak of it in these words."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

KINDS = (
    "association",
    "delivery",
    "evidence",
    "labels",
    "shipment",
    "study",
    "instance",
    "batch",
    "handoff",
    "model",
    "file",
    "result",
)
"""Every kind of thing, in the order in which an instance meets them."""


class Thing(NamedTuple):
    """One thing by its kind and the id that people know."""

    kind: str
    id: str

    def __str__(self) -> str:
        """The name that the handoff's trace uses too."""
        return f"{self.kind}:{self.id}"

    @classmethod
    def named(cls, name: str) -> "Thing":
        """Read `kind:id` back."""
        kind, _, identifier = name.partition(":")
        return cls(kind, identifier)


@dataclass(slots=True)
class Line:
    """Things with their facts, and edges from what was first to what came of it."""

    facts: dict[Thing, dict[str, Any]] = field(default_factory=dict)
    edges: set[tuple[Thing, Thing]] = field(default_factory=set)
    starts: set[Thing] = field(default_factory=set)
    cut: set[tuple[Thing, str]] = field(default_factory=set)
    """Things next to which more of a kind is than was told."""

    def add(self, thing: Thing, **facts: Any) -> Thing:
        """Note a thing; facts of several witnesses add up."""
        known = {name: value for name, value in facts.items() if value is not None}
        self.facts.setdefault(thing, {}).update(known)
        return thing

    def lead(self, before: Thing, after: Thing) -> None:
        """Note that one thing became, or was part of making, another."""
        self.edges.add((before, after))

    def merge(self, other: "Line") -> None:
        """Take over all that another line knows."""
        for thing, facts in other.facts.items():
            self.add(thing, **facts)
        self.edges |= other.edges
        self.starts |= other.starts
        self.cut |= other.cut

    def of_kind(self, kind: str) -> list[Thing]:
        """All things of a kind, sorted by id."""
        return sorted(thing for thing in self.facts if thing.kind == kind)

    def after(self, thing: Thing) -> list[Thing]:
        """What came of a thing at once; what also came of that is left to it."""
        steps = self._steps()
        at_once = steps.get(thing, set())
        later = {far for near in at_once for far in _reach(steps, near)}
        return ordered(at_once - later)

    def without_files_but(self, wanted: Iterable[Thing]) -> "Line":
        """The same line with these files alone."""
        left_out = set(self.of_kind("file")) - set(wanted)
        facts = {thing: told for thing, told in self.facts.items() if thing not in left_out}
        edges = {(before, after) for before, after in self.edges if not {before, after} & left_out}
        return Line(facts, edges, self.starts - left_out, self.cut)

    def _steps(self) -> dict[Thing, set[Thing]]:
        steps: dict[Thing, set[Thing]] = {}
        for before, after in self.edges:
            steps.setdefault(before, set()).add(after)
        return steps

    def sources(self) -> list[Thing]:
        """Things that nothing known came before."""
        later = {after for _, after in self.edges}
        return ordered(thing for thing in self.facts if thing not in later)

    def as_json(self) -> dict[str, Any]:
        """The line as `--json` prints it."""
        return {
            "start": [str(thing) for thing in ordered(self.starts)],
            "nodes": [
                {"kind": thing.kind, "id": thing.id, "facts": self.facts[thing]} for thing in ordered(self.facts)
            ],
            "edges": [{"from": str(before), "to": str(after)} for before, after in sorted(self.edges)],
        }


def _reach(steps: dict[Thing, set[Thing]], thing: Thing) -> set[Thing]:
    """Everything that came of a thing, however late."""
    found: set[Thing] = set()
    waiting = [thing]
    while waiting:
        new = steps.get(waiting.pop(), set()) - found
        found |= new
        waiting.extend(new)
    return found


def ordered(things: Iterable[Thing]) -> list[Thing]:
    """Sorted as an instance meets them, then by id."""
    return sorted(things, key=lambda thing: (KINDS.index(thing.kind), thing.id))
