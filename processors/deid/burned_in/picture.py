"""Frames as pictures of eight bits, as a detector or a person looks at them."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.processing import convert_color_space

from processors.deid.burned_in.black import coloured, palette_of
from processors.deid.burned_in.header import Header
from processors.deid.burned_in.layout import Layout
from processors.deid.burned_in.samples import byte_order, stored_values

Picture = NDArray[np.uint8]
"""Shape (rows, columns, 3), RGB."""

_NEARLY_ALL = (1, 99)
"""Percentiles."""

_NARROWER = 0.25
"""Of a range: what a window must leave out for letters to be clearer in it."""


def pictures(pixels: memoryview, layout: Layout, header: Header, frame: int) -> Iterator[Picture]:
    """One frame in each way that makes other text readable.

    Colour comes as it is shown. Grey comes over its whole range, and through its window where it names one, since
    text at the end of a range of 12 bits and text inside a narrow window are not readable in one picture. Of more
    than eight bits without a window, nearly all values make one: a few bright letters leave the rest of a range dark.
    What a window shows is left out where it is nearly the whole range.
    """
    with byte_order(pixels, layout):
        values = stored_values(pixels, layout, frame)
    if layout.samples == 3 or layout.photometric == "PALETTE COLOR":
        yield _colours(values, layout, header)
        return
    grey = values[0].astype(np.float64)
    low, high = float(grey.min()), float(grey.max())
    yield _grey(grey, low, high, layout)
    window = _window(header)
    if window is None and layout.stored > 8:
        window = tuple(np.percentile(grey, _NEARLY_ALL))
    if window is not None and (window[0] - low) + (high - window[1]) > _NARROWER * (high - low):
        yield _grey(grey, *window, layout)


def _grey(values: NDArray[np.float64], low: float, high: float, layout: Layout) -> Picture:
    scaled = np.clip((values - low) / max(high - low, 1.0), 0, 1) * 255
    if layout.photometric == "MONOCHROME1":
        scaled = 255 - scaled
    return np.repeat(scaled.astype(np.uint8)[..., None], 3, axis=2)


def _colours(values: NDArray[np.int64], layout: Layout, header: Header) -> Picture:
    if layout.photometric == "PALETTE COLOR":
        return coloured(values[0], palette_of(header)).astype(np.uint8)
    eight = (values.transpose(1, 2, 0) >> max(0, layout.stored - 8)).astype(np.uint8)
    if layout.photometric.startswith("YBR") and layout.photometric not in ("YBR_ICT", "YBR_RCT"):
        return convert_color_space(eight, "YBR_FULL", "RGB").astype(np.uint8)
    return eight


def _window(header: Header) -> tuple[float, float] | None:
    """The first window, in stored values (PS3.3 C.11.2.1.2)."""
    centre, width = header.numbers("WindowCenter"), header.numbers("WindowWidth")
    slope, intercept = header.numbers("RescaleSlope") or (1.0,), header.numbers("RescaleIntercept") or (0.0,)
    if not (centre and width) or width[0] < 1 or not slope[0]:
        return None
    edges = sorted((edge - intercept[0]) / slope[0] for edge in (centre[0] - width[0] / 2, centre[0] + width[0] / 2))
    return edges[0], edges[1]
