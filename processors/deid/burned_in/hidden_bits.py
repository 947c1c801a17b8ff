"""Bits of a sample that hold no pixel (PS3.5 8.1.1): old overlays lie there, and anything else may."""

import numpy as np

from processors.deid.burned_in.layout import Layout
from processors.deid.burned_in.samples import byte_order, samples


def clear_hidden_bits(pixels: memoryview, layout: Layout) -> frozenset[int]:
    """Clear unused bits in all frames, in place; a sign that fills the bits above a signed value stays.

    Returns:
        The frames in which something was cleared.
    """
    if layout.allocated in (1, layout.stored):
        return frozenset()
    used = ((1 << layout.stored) - 1) << layout.shift
    above = ((1 << layout.allocated) - 1) & ~((1 << (layout.high + 1)) - 1)
    changed: set[int] = set()
    with byte_order(pixels, layout):
        for number, frame in enumerate(samples(pixels, layout)):
            kept = frame & frame.dtype.type(used)
            quiet = frame == kept
            if layout.signed:
                negative = (frame >> frame.dtype.type(layout.high)) & frame.dtype.type(1) == 1
                quiet |= negative & (frame == (kept | frame.dtype.type(above)))
            if not quiet.all():
                np.copyto(frame, kept, where=~quiet)
                changed.add(number)
    return frozenset(changed)
