"""Large pictures in overlapping tiles, so that small text on a radiograph is not shrunk away before the look."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from processors.deid.burned_in.box import Box
from processors.deid.burned_in.detector import TextDetector
from processors.deid.burned_in.picture import Picture

_CLOSER = 3
_SMALL = 200
"""Pixels; what is not higher or wider may be one line."""

_FULL = 0.9
"""Of a tile's pixels; a detector's margin alone makes a box that fills it larger."""


@dataclass(frozen=True, slots=True)
class Tiled:
    """A detector that sees at most `side` pixels at once; lines up to `overlap` pixels high are whole in some tile.

    Speckle and noise of a certain grain look like text all over: then a detector finds one box that fills the tile. No
    line does that, and masking it would leave no image, so such a tile is looked at in smaller ones instead. What fills
    one of those is masked.
    """

    detector: TextDetector
    side: int = 960
    overlap: int = 160

    @property
    def name(self) -> str:
        """The detector's name, and the tiles."""
        closer = self.side // _CLOSER
        return f"{self.detector.name}, tiles of {self.side} with {self.overlap}, of {closer} where one is full"

    def find(self, picture: Picture) -> list[Box]:
        """The boxes of all tiles; a line that lies across tiles comes in parts that overlap."""
        rows, columns = picture.shape[:2]
        found: list[Box] = []
        for top in self._starts(rows):
            for left in self._starts(columns):
                tile = np.ascontiguousarray(picture[top : top + self.side, left : left + self.side])
                found += [box.moved(left, top) for box in self._of_tile(tile)]
        return found

    def _of_tile(self, tile: Picture) -> list[Box]:
        """The boxes of one tile; where one of them fills it, those of its own tiles and the others."""
        found = self.detector.find(tile)
        lines = [box for box in found if not _fills(box, tile)]
        if len(lines) == len(found):
            return found
        closer = Tiled(self.detector, self.side // _CLOSER, self.overlap // 2)
        return lines + [
            box.moved(left, top)
            for top in closer._starts(tile.shape[0])
            for left in closer._starts(tile.shape[1])
            for box in self.detector.find(
                np.ascontiguousarray(tile[top : top + closer.side, left : left + closer.side])
            )
        ]

    def _starts(self, length: int) -> Iterator[int]:
        """Where tiles begin, evenly, so that none is a narrow rest."""
        if length <= self.side:
            yield 0
            return
        count = -(-(length - self.overlap) // (self.side - self.overlap))
        for number in range(count):
            yield round(number * (length - self.side) / (count - 1))


def _fills(box: Box, tile: Picture) -> bool:
    """Whether a box holds nearly all of a tile that is no line by itself."""
    rows, columns = tile.shape[:2]
    return min(rows, columns) > _SMALL and bool(box.within(columns, rows).area >= _FULL * rows * columns)
