"""A line as a tree that is read from top to bottom: what came first stands first."""

from rich.text import Text
from rich.tree import Tree

from sluice.tracing.line import Line, Thing

MOST_SIBLINGS = 3
"""How many things of one kind are shown side by side; the JSON has all."""

_COLOURS = {
    "association": "magenta",
    "delivery": "magenta",
    "evidence": "bright_black",
    "labels": "bright_black",
    "shipment": "yellow",
    "study": "yellow",
    "instance": "yellow",
    "batch": "cyan",
    "handoff": "green",
    "model": "bold green",
    "file": "bold blue",
    "result": "bold magenta",
}
_FACTS = (
    "came_again_over",
    "original",
    "calling_ae",
    "ending",
    "acknowledged",
    "instances",
    "project",
    "modality",
    "kind",
    "state",
    "reason",
    "delivered",
    "withheld",
    "counted_by",
    "expected",
    "annotations",
    "labels",
    "source",
    "revision",
    "rows",
    "role",
    "destination",
)
"""Facts that a line of the tree has room for."""


def draw_tree(line: Line) -> Tree:
    """Draw a line. Things that have several sources are drawn once and named again; the start is always shown."""
    kept = _with_one_source(line, line.starts)
    tree = Tree(Text("the line, first things first", style="dim"))
    _branch(tree, line, line.sources(), set(), kept)
    return tree


def _branch(tree: Tree, line: Line, things: list[Thing], drawn: set[Thing], kept: set[Thing]) -> None:
    shown, left_out = _choose(things, kept)
    for thing in shown:
        if thing in drawn:
            tree.add(_label(line, thing).append("  (above)", style="dim"))
            continue
        drawn.add(thing)
        _branch(tree.add(_label(line, thing)), line, line.after(thing), drawn, kept)
    for kind, number in left_out.items():
        tree.add(Text(f"and {number} more of kind {kind}", style="dim"))


def _choose(things: list[Thing], kept: set[Thing]) -> tuple[list[Thing], dict[str, int]]:
    """What to show: all that matters, and of the rest a few of each kind."""
    shown: list[Thing] = []
    left_out: dict[str, int] = {}
    for thing in things:
        siblings = sum(other.kind == thing.kind for other in shown)
        if thing in kept or siblings < MOST_SIBLINGS:
            shown.append(thing)
        else:
            left_out[thing.kind] = left_out.get(thing.kind, 0) + 1
    return shown, left_out


def _with_one_source(line: Line, things: set[Thing]) -> set[Thing]:
    """Things, and one way on which each can be reached from the top."""
    before: dict[Thing, Thing] = {}
    for earlier, later in sorted(line.edges):
        before.setdefault(later, earlier)
    found: set[Thing] = set()
    for thing in things:
        step: Thing | None = thing
        while step is not None and step not in found:
            found.add(step)
            step = before.get(step)
    return found


def _label(line: Line, thing: Thing) -> Text:
    facts = line.facts.get(thing, {})
    label = Text()
    if thing in line.starts:
        label.append("▶ ", style="bold")
    name = thing.id.partition("/")[2] or thing.id if thing.kind == "file" else thing.id
    label.append(thing.kind, style=_COLOURS[thing.kind]).append(f" {name}")
    told = [f"{name.replace('_', ' ')} {facts[name]}" for name in _FACTS if facts.get(name) not in {None, ""}]
    return label.append("  " + ", ".join(told), style="dim") if told else label
