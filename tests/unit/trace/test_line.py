"""A line is read from top to bottom, each thing once, and nothing of it is lost in the JSON."""

import io

from rich.console import Console

from sluice.tracing.line import Line, Thing
from sluice.tracing.tree import MOST_SIBLINGS, draw_tree

ASSOCIATION, SHIPMENT, BATCH = Thing("association", "a"), Thing("shipment", "s"), Thing("batch", "b")
PREPARE, TRAIN, MODEL = Thing("handoff", "h2"), Thing("handoff", "h1"), Thing("model", "unet:1")


def _line(*edges: tuple[Thing, Thing]) -> Line:
    line = Line()
    for before, after in edges:
        line.lead(line.add(before), line.add(after))
    return line


def _drawn(line: Line) -> list[str]:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(draw_tree(line))
    return console.export_text().splitlines()


def test_what_also_came_of_a_nearer_thing_is_left_to_that() -> None:
    line = _line((BATCH, PREPARE), (BATCH, TRAIN), (PREPARE, TRAIN), (TRAIN, MODEL))
    assert line.after(BATCH) == [PREPARE]
    assert line.after(PREPARE) == [TRAIN]


def test_a_line_begins_with_what_nothing_came_before() -> None:
    line = _line((ASSOCIATION, SHIPMENT), (SHIPMENT, BATCH))
    assert line.sources() == [ASSOCIATION]


def test_facts_of_several_witnesses_add_up() -> None:
    line, other = Line(), Line()
    line.add(SHIPMENT, state="confirmed", reason=None)
    other.add(SHIPMENT, modality="CT")
    line.merge(other)
    assert line.facts[SHIPMENT] == {"state": "confirmed", "modality": "CT"}


def test_a_thing_of_many_sources_is_drawn_once_and_named_again() -> None:
    line = _line((ASSOCIATION, SHIPMENT), (SHIPMENT, BATCH), (Thing("shipment", "t"), BATCH), (BATCH, MODEL))
    drawn = _drawn(line)
    assert sum("model unet:1" in row for row in drawn) == 1
    assert sum("batch b" in row for row in drawn) == 2
    assert sum("(above)" in row for row in drawn) == 1


def test_many_siblings_are_counted_but_the_start_is_always_shown() -> None:
    shipments = [Thing("shipment", f"s{number:02d}") for number in range(20)]
    line = _line(*((ASSOCIATION, shipment) for shipment in shipments))
    line.starts.add(shipments[-1])
    drawn = "\n".join(_drawn(line))
    assert "▶ shipment s19" in drawn
    assert f"and {20 - MOST_SIBLINGS - 1} more of kind shipment" in drawn
    assert len(line.as_json()["nodes"]) == 21
