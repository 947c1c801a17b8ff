"""Bits of native samples that hold no pixel (PS3.5 8.1.1): old overlays lie there, and anything else may.

Above the stored bits of a sample nothing is defined but, for signed values, the sign again (PS3.3 C.7.6.3.1.1). An
image in which they say anything else has them made zero, or the sign; pixel values stay what they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from processors.deid.parse import Element
from processors.deid.part10 import Part10
from processors.deid.reasons import Reason, RejectedError

_ALLOCATED, _STORED, _HIGH, _REPRESENTATION = 0x00280100, 0x00280101, 0x00280102, 0x00280103
_PIXEL_DATA = 0x7FE00010
_WORDS = (8, 16, 32, 64)
_WINDOW = 1 << 20
"""Bytes looked at in one go, so that memory stays constant; a multiple of every sample."""


@dataclass(frozen=True, slots=True)
class Samples:
    """How the samples of an image lie: `stored` low bits of words of this kind (numpy), signed or not."""

    kind: np.dtype[np.integer]
    stored: int
    signed: bool

    @classmethod
    def of(cls, part: Part10, elements: dict[int, Element]) -> "Samples | None":
        """What the top level says of native Pixel Data; None where all bits are pixels, or fragments hold them.

        Raises:
            RejectedError: it says what cannot be, so that nobody knows which bits are pixels (PS3.5 8.1.1).
        """
        if part.encapsulated is not None or _PIXEL_DATA not in elements:
            return None
        allocated, stored, high, signed = (
            _number(part, elements.get(tag)) for tag in (_ALLOCATED, _STORED, _HIGH, _REPRESENTATION)
        )
        if allocated == stored:
            return None
        if allocated not in _WORDS or not 0 < stored < allocated or high != stored - 1 or signed not in (0, 1):
            raise RejectedError(Reason.PIXELS_BITS_UNKNOWN)
        kind = np.dtype(f"{part.form.order}{'i' if signed else 'u'}{allocated // 8}")
        return cls(kind, stored, bool(signed))

    def cleared(self, pixels: memoryview) -> memoryview:
        """The same view where unused bits say nothing, else a copy in which they are zero, or the sign.

        A signed image may fill them with signs throughout, or leave them zero throughout: not now this, now that,
        which would be a bit to write in for each negative sample.
        """
        return pixels if self._say_nothing(pixels) else memoryview(self._copied(pixels))

    def _say_nothing(self, pixels: memoryview) -> bool:
        largest = (1 << self.stored) - 1
        least = most = 0
        for window in _windows(pixels):
            words = np.frombuffer(window, self.kind)
            most = max(most, int(words.max()))
            if self.signed:
                least = min(least, int(words.min()))
        if not self.signed:
            return most <= largest
        return (least >= 0 and most <= largest) or (least >= ~(largest >> 1) and most <= largest >> 1)

    def _copied(self, pixels: memoryview) -> bytearray:
        copied = bytearray(pixels)
        spare = self.kind.itemsize * 8 - self.stored
        for window in _windows(memoryview(copied)):
            words: NDArray[np.integer] = np.frombuffer(window, self.kind)
            np.left_shift(words, spare, out=words)
            np.right_shift(words, spare, out=words)  # of signed words, with the sign
        return copied


def _windows(pixels: memoryview) -> Iterator[memoryview]:
    return (pixels[start : start + _WINDOW] for start in range(0, len(pixels), _WINDOW))


def _number(part: Part10, element: Element | None) -> int:
    """An unsigned short as it is; -1 where there is none."""
    raw = bytes(part.buffer[element.value : element.end]) if element else b""
    return int.from_bytes(raw, "big" if part.form.big else "little") if len(raw) == 2 else -1
