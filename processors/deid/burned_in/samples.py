"""The samples of native pixels as an array, in whatever order they lie; who writes there writes to the pixels."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from processors.deid.burned_in.layout import Layout


@contextmanager
def byte_order(pixels: memoryview, layout: Layout) -> Iterator[None]:
    """Bytes in their own order while this lasts, where they lie in words of big endian order."""
    words = np.frombuffer(pixels, "u2")[: len(pixels) // 2] if layout.swapped else None
    if words is not None:
        words.byteswap(inplace=True)
    try:
        yield
    finally:
        if words is not None:
            words.byteswap(inplace=True)


def samples(pixels: memoryview, layout: Layout) -> NDArray[np.unsignedinteger]:
    """A writable view of shape (frames, samples, rows, columns).

    Of subsampled pixels the shape is (frames, 4, rows, columns / 2): two luminances, then both chrominances.
    Single bits have no view; see `mask`.
    """
    kind = np.dtype(f"u{layout.allocated // 8}").newbyteorder(">" if layout.big else "<")
    flat: NDArray[np.unsignedinteger] = np.frombuffer(pixels, kind, count=layout.size // kind.itemsize)
    if layout.subsampled:
        return flat.reshape(layout.frames, layout.rows, layout.columns // 2, 4).transpose(0, 3, 1, 2)
    if layout.planar:
        return flat.reshape(layout.frames, layout.samples, layout.rows, layout.columns)
    return flat.reshape(layout.frames, layout.rows, layout.columns, layout.samples).transpose(0, 3, 1, 2)


def bits(pixels: memoryview, layout: Layout, frame: int) -> tuple[NDArray[np.uint8], int, int]:
    """Single bits of one frame: its bytes unpacked, the first of them, and where in them the frame begins."""
    first = frame * layout.frame_bits
    begin, end = first // 8, (first + layout.frame_bits + 7) // 8
    unpacked = np.unpackbits(np.frombuffer(pixels, "u1")[begin:end], bitorder="little")
    return unpacked, begin, first - begin * 8


def stored_values(pixels: memoryview, layout: Layout, frame: int) -> NDArray[np.int64]:
    """What one frame's samples mean, unused bits apart: (samples, rows, columns)."""
    if layout.allocated == 1:
        unpacked, _, at = bits(pixels, layout, frame)
        return unpacked[at : at + layout.frame_bits].reshape(1, layout.rows, layout.columns).astype(np.int64)
    found: NDArray[np.int64] = samples(pixels, layout)[frame].astype(np.int64)
    if layout.subsampled:
        luminance = np.stack((found[0], found[1]), axis=-1).reshape(layout.rows, layout.columns)
        found = np.stack((luminance, *(np.repeat(found[part], 2, axis=-1) for part in (2, 3))))
    found = (found >> layout.shift) & ((1 << layout.stored) - 1)
    if layout.signed:
        found -= (found >> (layout.stored - 1)) << layout.stored
    return found
