"""A rectangle of pixels: what is masked, kept, or found to hold text."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np


@dataclass(frozen=True, slots=True, order=True)
class Box:
    """Pixels from (left, top) up to but not including (right, bottom); columns and rows, from 0."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> int:
        """How many pixels it holds; 0 when it is empty."""
        return max(0, self.right - self.left) * max(0, self.bottom - self.top)

    def within(self, columns: int, rows: int) -> Self:
        """The part of it that lies in an image; may be empty."""
        left, right = (min(max(edge, 0), columns) for edge in (self.left, self.right))
        top, bottom = (min(max(edge, 0), rows) for edge in (self.top, self.bottom))
        return type(self)(left, top, right, bottom)

    def grown(self, by: int) -> Self:
        """The box with a margin of `by` pixels on each side."""
        return type(self)(self.left - by, self.top - by, self.right + by, self.bottom + by)

    def moved(self, right: int, down: int) -> Self:
        """The box elsewhere."""
        return type(self)(self.left + right, self.top + down, self.right + right, self.bottom + down)

    def times(self, by: int) -> Self:
        """The box in a picture whose sides are so many times as long."""
        return type(self)(self.left * by, self.top * by, self.right * by, self.bottom * by)

    def common(self, other: "Box") -> Self:
        """What both hold; may be empty."""
        return type(self)(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )


def outside(kept: Iterable[Box], columns: int, rows: int) -> tuple[Box, ...]:
    """Boxes that together hold every pixel of an image that is in none of `kept`."""
    inside = [box for each in kept if (box := each.within(columns, rows)).area]
    edges = sorted({0, rows, *(edge for box in inside for edge in (box.top, box.bottom))})
    found: list[Box] = []
    for top, bottom in pairwise(edges):
        right = 0
        for box in sorted(box for box in inside if box.top <= top and bottom <= box.bottom):
            if box.left > right:
                found.append(Box(right, top, box.left, bottom))
            right = max(right, box.right)
        if right < columns:
            found.append(Box(right, top, columns, bottom))
    return tuple(found)


def share_of(boxes: Iterable[Box], columns: int, rows: int) -> float:
    """The share of an image's pixels that boxes hold together, 0 to 1."""
    held = np.zeros((rows, columns), bool)
    for box in boxes:
        inside = box.within(columns, rows)
        held[inside.top : inside.bottom, inside.left : inside.right] = True
    return float(held.mean()) if held.size else 0.0
