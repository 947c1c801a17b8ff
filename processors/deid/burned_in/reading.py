"""Which finds of a detector are text: what can be read, and what is shaped like a line and found for sure.

A detector that is asked to miss little finds letters in speckle, in grain and on the edges of a plot too. Nobody can
read those, a recogniser neither, while it reads a line of which its detector is hardly sure. What it reads is of no
interest and kept nowhere: all text is masked, whatever it says (PS3.15 E.3.1, note 2). Writing that the recogniser
does not know is unread, so a find that the detector is sure of and that has a line's shape is text without being read.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from processors.deid.burned_in.picture import Picture

LEAST_FOUND = 0.3
"""How sure a detector must be, 0 to 1, of what is looked at as a line at all."""

SURE = 0.6
"""How sure a detector must be of a line that need not be read."""

LEAST_READ = 0.6
"""How sure a recogniser must be that four letters or more stand there."""

_FEW, _LEAST_FEW = 4, 0.8
"""Fewer letters, down to two, are read from grain more easily, so of them it must be surer."""

_LOWEST = 6
"""Pixels: letters that are lower cannot be read, by people neither."""

_HIGHEST = 120
"""Pixels: a line that is higher is lower in the picture at half its size; grain is not, it fills that too."""

_TALL = 1.6
"""Of its width: a line that is turned by a quarter."""

_LINE_LONG, _LINE_HIGH = 4, 9
"""The least length of a line over its height, and its least height in pixels, if it need not be read."""

_SLANT = 0.15
"""Rise of a line over its length, up to which it runs along rows or columns as burned-in lines do."""

Read = Callable[[Picture], tuple[str, float]]
"""Reads one upright line: the text, and how sure it is, 0 to 1."""

Cut = Callable[[Picture, NDArray[np.float32], int, int], Picture]
"""Cuts four corners out of a picture, as an upright one of a width and a height."""


@dataclass(frozen=True, slots=True)
class Find:
    """Four corners (x, y) from the upper left one on, clockwise, and how sure the detector is, 0 to 1."""

    corners: NDArray[np.float32]
    score: float

    @property
    def size(self) -> tuple[int, int]:
        """Width and height along its own edges."""
        upper, left = self.corners[1] - self.corners[0], self.corners[3] - self.corners[0]
        return int(np.hypot(*upper)), int(np.hypot(*left))

    @property
    def straight(self) -> bool:
        """Whether its edges run along rows and columns."""
        width, height = np.abs(self.corners[1] - self.corners[0])
        return bool(min(width, height) <= _SLANT * max(width, height))


def is_text(find: Find, picture: Picture, read: Read, cut: Cut) -> bool:
    """Whether a find is text: line-shaped and sure, or else readable upright or turned by a quarter."""
    width, height = find.size
    short, long = sorted((width, height))
    if not _LOWEST <= short <= _HIGHEST or find.score < LEAST_FOUND:
        return False
    if find.score >= SURE and find.straight and short >= _LINE_HIGH and long >= _LINE_LONG * short:
        return True
    for line in _upright(cut(picture, find.corners, width, height), tall=height >= _TALL * width):
        text, sure = read(line)
        letters = sum(letter.isalnum() for letter in text)
        if letters > 1 and sure >= (LEAST_READ if letters >= _FEW else _LEAST_FEW):
            return True
    return False


def _upright(cut: Picture, *, tall: bool) -> Iterator[Picture]:
    """A line as it may have to be turned to be read; what is not tall stands upright."""
    if tall:
        yield np.ascontiguousarray(np.rot90(cut))
        yield np.ascontiguousarray(np.rot90(cut, 3))
    else:
        yield cut
