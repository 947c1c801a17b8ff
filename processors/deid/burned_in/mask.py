"""Boxes of native pixels made black, in every frame, whatever the order of samples and bits."""

from collections.abc import Iterable

import numpy as np

from processors.deid.burned_in.black import encoded
from processors.deid.burned_in.box import Box
from processors.deid.burned_in.layout import Layout
from processors.deid.burned_in.samples import bits, byte_order, samples


def mask(pixels: memoryview, layout: Layout, boxes: Iterable[Box], black: tuple[int, ...]) -> frozenset[int]:
    """Make boxes black in all frames, in place.

    Args:
        pixels: writable native pixels of all frames.
        layout: how they lie.
        boxes: what to mask; what reaches beyond the image is cut off.
        black: stored value of each sample.

    Returns:
        The frames that were not black there before.
    """
    cut = [box for each in boxes if (box := each.within(layout.columns, layout.rows)).area]
    with byte_order(pixels, layout):
        changes = _mask_bits if layout.allocated == 1 else _mask_samples
        return frozenset(frame for frame in range(layout.frames) if changes(pixels, layout, frame, cut, black))


def _mask_samples(pixels: memoryview, layout: Layout, frame: int, boxes: list[Box], black: tuple[int, ...]) -> bool:
    values = [encoded(value, layout) for value in black]
    if layout.subsampled:
        # Two neighbours share their chrominance, so a box begins and ends at an even column.
        boxes = [Box(box.left // 2, box.top, (box.right + 1) // 2, box.bottom) for box in boxes]
        values = [values[0], *values]
    planes = samples(pixels, layout)[frame]
    changed = False
    for box in boxes:
        for plane, value in zip(planes, values, strict=True):
            area = plane[box.top : box.bottom, box.left : box.right]
            if bool((area != value).any()):
                area[...] = value
                changed = True
    return changed


def _mask_bits(pixels: memoryview, layout: Layout, frame: int, boxes: list[Box], black: tuple[int, ...]) -> bool:
    unpacked, begin, at = bits(pixels, layout, frame)
    plane = unpacked[at : at + layout.frame_bits].reshape(layout.rows, layout.columns)
    changed = False
    for box in boxes:
        area = plane[box.top : box.bottom, box.left : box.right]
        changed = changed or bool((area != black[0]).any())
        area[...] = black[0]
    packed = np.packbits(unpacked, bitorder="little")
    np.frombuffer(pixels, "u1")[begin : begin + len(packed)] = packed
    return changed
