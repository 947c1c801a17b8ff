"""Large pictures in overlapping tiles, so that small text on a radiograph is not shrunk away before the look."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from processors.deid.burned_in.box import Box
from processors.deid.burned_in.detector import TextDetector
from processors.deid.burned_in.picture import Picture


@dataclass(frozen=True, slots=True)
class Tiled:
    """A detector that sees at most `side` pixels at once; lines up to `overlap` pixels high are whole in some tile."""

    detector: TextDetector
    side: int = 960
    overlap: int = 160

    @property
    def name(self) -> str:
        """The detector's name, and the tiles."""
        return f"{self.detector.name}, tiles of {self.side} with {self.overlap}"

    def find(self, picture: Picture) -> list[Box]:
        """The boxes of all tiles; a line that lies across tiles comes in parts that overlap."""
        rows, columns = picture.shape[:2]
        found: list[Box] = []
        for top in self._starts(rows):
            for left in self._starts(columns):
                tile = np.ascontiguousarray(picture[top : top + self.side, left : left + self.side])
                found += [box.moved(left, top) for box in self.detector.find(tile)]
        return found

    def _starts(self, length: int) -> Iterator[int]:
        """Where tiles begin, evenly, so that none is a narrow rest."""
        if length <= self.side:
            yield 0
            return
        count = -(-(length - self.overlap) // (self.side - self.overlap))
        for number in range(count):
            yield round(number * (length - self.side) / (count - 1))
