"""The place of a row in its queue is the turn at which the order of claims takes it."""

import pytest

from handoff.handoffs.position import Line, place_of

SECONDS = 60.0


def order_of(lines: dict[str, Line]) -> list[tuple[str, int]]:
    """The order in which a target with one place takes the rows: smallest use by share first, then the oldest row."""
    taken = dict.fromkeys(lines, 0)
    order = []
    while any(taken[name] < line.rows for name, line in lines.items()):
        waiting = [name for name, line in lines.items() if taken[name] < line.rows]
        turn = {name: (lines[name].used + taken[name] * SECONDS) / lines[name].share for name in waiting}
        name = min(waiting, key=lambda name: (turn[name], lines[name].first))
        taken[name] += 1
        order.append((name, taken[name]))
    return order


@pytest.mark.parametrize(
    "lines",
    [
        {"a": Line(3, 1, 0.0, 1.0)},
        {"a": Line(3, 1, 0.0, 1.0), "b": Line(2, 2, 0.0, 1.0)},
        {"a": Line(2, 9, 0.0, 1.0), "b": Line(5, 2, 30.0, 1.0)},
        {"a": Line(6, 1, 0.0, 3.0), "b": Line(6, 2, 0.0, 1.0), "c": Line(1, 3, 500.0, 1.0)},
        {"a": Line(4, 1, 3600.0, 1.0), "b": Line(4, 2, 0.0, 0.5)},
    ],
    ids=["alone", "in turns", "who used less", "by share", "much used"],
)
def test_places_are_those_of_the_order_of_claims(lines):
    expected = {row: place for place, row in enumerate(order_of(lines), 1)}
    found = {(name, rank): place_of(name, rank, lines, SECONDS) for name, rank in expected}
    assert found == expected
