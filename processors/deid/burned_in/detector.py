"""What looks for text, and where in an image of many frames it looks."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from processors.deid.burned_in.box import Box
from processors.deid.burned_in.header import Header
from processors.deid.burned_in.layout import Layout
from processors.deid.burned_in.picture import Picture, pictures

ALL_FRAMES_TO = 3
"""Up to how many frames each is looked at by itself."""


class TextDetector(Protocol):
    """Finds lines of text; it need not read them."""

    @property
    def name(self) -> str:
        """Name and version of what looks, and of its models: they decide the output."""
        ...

    def find(self, picture: Picture) -> list[Box]:
        """Boxes around every line of text in a picture of shape (rows, columns, 3), RGB."""
        ...


def views(pixels: memoryview, layout: Layout, header: Header, *, again: bool = False) -> Iterator[Picture]:
    """The pictures to look at.

    Of many frames: the first, the middle and the last, and over all frames the brightest and the darkest of each
    pixel, in which a line that stands in any frame shows. `again` adds frames between, which the first look skipped.
    """
    if layout.frames <= ALL_FRAMES_TO:
        for frame in range(layout.frames):
            yield from pictures(pixels, layout, header, frame)
        return
    last = layout.frames - 1
    looked = {0, last // 2, last} | ({last // 4, last * 3 // 4} if again else set())
    brightest = darkest = next(pictures(pixels, layout, header, 0))
    for frame in range(layout.frames):
        shown = list(pictures(pixels, layout, header, frame))
        if frame in looked:
            yield from shown
        brightest, darkest = np.maximum(brightest, shown[0]), np.minimum(darkest, shown[0])
    yield brightest
    yield darkest


def look(
    detector: TextDetector, pixels: memoryview, layout: Layout, header: Header, *, again: bool = False
) -> tuple[Box, ...]:
    """Every box that a detector finds in any of the pictures, inside the image; `again`: in their negatives.

    A detector does not treat bright letters and dark ones alike, so the negatives are the look that differs.
    """
    found: set[Box] = set()
    for picture in views(pixels, layout, header, again=again):
        shown = 255 - picture if again else picture
        found.update(box.within(layout.columns, layout.rows) for box in detector.find(shown))
    return tuple(sorted(box for box in found if box.area))
