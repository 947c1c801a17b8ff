"""Pictures at several sizes, large ones in overlapping tiles: small text is not shrunk away, large text is not cut up.

A picture that is one tile is also looked at softened, and with nothing left but what is nearly white: the grain of
speckle, which hides letters from a detector and looks like letters itself, is gone in the former, and most tissue in
the latter. Larger pictures have the former from the tiles of half their size.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from processors.deid.burned_in.box import Box
from processors.deid.burned_in.detector import TextDetector
from processors.deid.burned_in.picture import Picture

_LEAST = 240
"""Pixels of the shorter side, below which a picture is not made smaller any more."""

_WEIGHTS = (1, 4, 6, 4, 1)

_NEARLY_WHITE = 200


@dataclass(frozen=True, slots=True)
class Tiled:
    """A detector that sees at most `side` pixels at once; lines up to `overlap` pixels high are whole in some tile.

    Higher ones are whole in a tile of a smaller picture.
    """

    detector: TextDetector
    side: int = 960
    overlap: int = 160

    @property
    def name(self) -> str:
        """The detector's name, the tiles and the sizes."""
        sizes = f"one softened and by its ink, halves down to {_LEAST}"
        return f"{self.detector.name}, tiles of {self.side} with {self.overlap}, {sizes}"

    def find(self, picture: Picture) -> list[Box]:
        """The boxes of all tiles at all sizes; a line that lies across tiles comes in parts that overlap."""
        found = self._of_tiles(picture)
        if max(picture.shape[:2]) <= self.side:
            found += self._of_tiles(softened(picture)) + self._of_tiles(white_ink(picture))
        size = 1
        while min(picture.shape[:2]) >= 2 * _LEAST:
            picture, size = halved(picture), size * 2
            found += [box.times(size) for box in self._of_tiles(picture)]
        return found

    def _of_tiles(self, picture: Picture) -> list[Box]:
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


def halved(picture: Picture) -> Picture:
    """Half the rows and columns, each pixel the mean of four; an odd last row or column is left out."""
    rows, columns = (length // 2 * 2 for length in picture.shape[:2])
    of_four = picture[:rows, :columns].reshape(rows // 2, 2, columns // 2, 2, -1)
    return np.asarray(of_four.mean(axis=(1, 3)).round(), np.uint8)


def softened(picture: Picture) -> Picture:
    """Each pixel the mean of its surroundings, weighted by a bell whose deviation is one pixel."""
    soft = picture
    for axis, length in enumerate(picture.shape[:2]):
        edged = np.pad(soft, [(2, 2) if each == axis else (0, 0) for each in range(3)], mode="edge")
        total = np.full(picture.shape, 8, np.uint16)
        for at, weight in enumerate(_WEIGHTS):
            total += np.take(edged, range(at, at + length), axis=axis) * np.uint16(weight)
        soft = (total >> 4).astype(np.uint8)
    return soft


def white_ink(picture: Picture) -> Picture:
    """What is nearly white, on black; of a negative, what is nearly black."""
    return np.where(picture >= _NEARLY_WHITE, picture, np.uint8(0)).astype(np.uint8)
