"""The calibrated regions of an ultrasound image (PS3.3 C.8.5.5): where echoes are shown, and nothing else belongs."""

from processors.deid.burned_in.box import Box
from processors.deid.burned_in.header import Header

_SHOWS_ECHOES = (1, 2, 3, 4)
"""Region Spatial Format: 2D, M-mode, spectral and waveform; none (0) and graphics (5) say nothing of what is there."""


def calibrated_regions(header: Header, columns: int, rows: int) -> tuple[Box, ...]:
    """The regions that show echoes, inside the image; empty when the object names none that can be.

    A region's corners are pixels of it (X1 and Y1 included). One that lies outside the image, or is inside out, is
    left out, so that more is masked, never less.
    """
    found: list[Box] = []
    for item in header.items("SequenceOfUltrasoundRegions"):
        corners = [item.number(f"RegionLocation{corner}") for corner in ("MinX0", "MinY0", "MaxX1", "MaxY1")]
        if item.number("RegionSpatialFormat") not in _SHOWS_ECHOES or any(corner is None for corner in corners):
            continue
        left, top, right, bottom = (corner or 0 for corner in corners)
        box = Box(left, top, right + 1, bottom + 1).within(columns, rows)
        if box.area:
            found.append(box)
    return tuple(found)
