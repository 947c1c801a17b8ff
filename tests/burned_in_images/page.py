"""A picture that is written on: lines at places that are free, in ink that can be read there."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from processors.deid.burned_in import Box
from tests.burned_in_images.lines import FONTS, Font, letters, line

_TRIES = 200
_PLAIN = 0.04
"""Standard deviation of the ground, of its range, up to which ink of low contrast can be read."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its text, the box of its ink, and how it is written: font, ink, and `upright` or `turned`."""

    text: str
    box: Box
    style: tuple[str, ...]


@dataclass
class Page:
    """A picture of shape (rows, columns, 3), 0 to 1, and what is written on it."""

    picture: NDArray[np.float64]
    chance: np.random.Generator
    lines: list[Line] = field(default_factory=list)

    def write(
        self, zone: Box, heights: tuple[int, int], *, fonts: tuple[Font, ...] = FONTS, turned: float = 0.0,
        faint: float = 0.0, coloured: float = 0.0, text: str = "",
    ) -> bool:  # fmt: skip
        """Write a line somewhere in a zone; nothing where it has no place.

        Args:
            zone: where the whole line lies.
            heights: least height of a line in pixels, and the first that is too much.
            fonts: of which it is one.
            turned: share of lines that are turned by 90 degrees.
            faint: share of lines of low contrast, where the ground is plain enough to read them.
            coloured: share of bright lines whose ink is yellow, green or cyan.
            text: what to write; a line of its own by default.
        """
        chance = self.chance
        font = fonts[int(chance.integers(len(fonts)))]
        text = text or line(chance)
        ink = letters(text, font, int(chance.integers(*heights)))
        quarter = int(chance.integers(1, 3)) * 2 - 1 if chance.random() < turned else 0
        ink = np.rot90(ink, quarter)
        if (box := self._place(zone, *ink.shape)) is None:
            return False
        ground = self.picture[box.top : box.bottom, box.left : box.right].copy()
        name, colour = self._ink(ground, faint, coloured)
        if name == "outlined":
            self._blend(box.grown(1), _grown(ink), np.zeros(3))
        self._blend(box, ink, colour)
        self.lines.append(Line(text, box, (font, name, "turned" if quarter else "upright")))
        return True

    def _ink(self, ground: NDArray[np.float64], faint: float, coloured: float) -> tuple[str, NDArray[np.float64]]:
        """The name and the colour of ink that can be read on a ground."""
        chance, mean, spread = self.chance, float(ground.mean()), float(ground.std())
        up = mean < 0.5
        if chance.random() < faint and spread < _PLAIN:
            return "faint", np.full(3, mean + (1 if up else -1) * chance.uniform(0.15, 0.25))
        if not up:
            return "dark", np.full(3, chance.uniform(0, 0.08))
        if chance.random() < coloured:
            return "coloured", np.array(((1, 1, 0.2), (0.2, 1, 0.2), (0.3, 1, 1))[int(chance.integers(3))])
        return ("outlined" if mean > 0.2 else "bright"), np.full(3, chance.uniform(0.88, 1.0))

    def _place(self, zone: Box, rows: int, columns: int) -> Box | None:
        """A place in a zone that no line is near."""
        down, right = zone.bottom - zone.top - rows, zone.right - zone.left - columns
        if down <= 0 or right <= 0:
            return None
        for _ in range(_TRIES):
            top, left = zone.top + int(self.chance.integers(down)), zone.left + int(self.chance.integers(right))
            box = Box(left, top, left + columns, top + rows)
            if not any(box.grown(8).common(other.box).area for other in self.lines):
                return box
        return None

    def _blend(self, box: Box, ink: NDArray[np.float64], colour: NDArray[np.float64]) -> None:
        rows, columns = self.picture.shape[:2]
        inside = box.within(columns, rows)
        cut = ink[inside.top - box.top :, inside.left - box.left :]
        cut = cut[: inside.bottom - inside.top, : inside.right - inside.left, None]
        area = self.picture[inside.top : inside.bottom, inside.left : inside.right]
        area[...] = area * (1 - cut) + colour * cut


def _grown(ink: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ink with an edge of one pixel around it."""
    padded = np.pad(ink, 2)
    rows, columns = ink.shape
    return np.maximum.reduce([padded[y : y + rows + 2, x : x + columns + 2] for y in range(3) for x in range(3)])
