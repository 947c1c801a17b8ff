"""The slices of a series as one regular volume in the patient's axes, or why they are none."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from processors.deid.faces.plane import Plane, Vector
from processors.deid.faces.verdict import SeriesRefusedError, Verdict

FEWEST_SLICES: Final = 12
FURTHEST_SLICES_MM: Final = 7.0
"""Between slices; a face of fewer slices is hardly one, and the grid that is looked at has voxels of 3 mm."""
MOST_TILT_DEGREES: Final = 30.0
"""Between the line of the slices and their normal. The grid follows the line, so that a tilt does not bend it."""
_APART = 0.05
_PARALLEL = 0.002
_APART_MM = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """Planes in order; the centre of voxel (slice, row, column) is `origin` + `steps` @ (slice, row, column), in mm."""

    planes: tuple[Plane, ...]
    origin: Vector
    steps: Vector

    @property
    def shape(self) -> tuple[int, int, int]:
        """(slices, rows, columns)."""
        return (len(self.planes), *self.planes[0].size)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Millimetres between slices, rows and columns."""
        between, down, across = (float(length) for length in np.linalg.norm(self.steps, axis=0))
        return between, down, across


def volume_of(planes: list[Plane]) -> Volume:
    """Order slices along their normal.

    Raises:
        SeriesRefusedError: they are no regular volume; the code says why.
    """
    if len(planes) < FEWEST_SLICES:
        raise SeriesRefusedError(Verdict.TOO_FEW_SLICES)
    # Slices may differ a little in what is taken from one of them: it is the same one in whatever order they come.
    planes = sorted(planes, key=lambda plane: tuple(plane.position))
    first = planes[0]
    for plane in planes:
        turned = np.abs((plane.along_row - first.along_row, plane.along_column - first.along_column)).max()
        if turned > _PARALLEL:
            raise SeriesRefusedError(Verdict.MIXED_ORIENTATIONS)
        if plane.size != first.size or not np.allclose(plane.spacing, first.spacing, rtol=0.002):
            raise SeriesRefusedError(Verdict.MIXED_SIZES)
    normal = np.cross(first.along_row, first.along_column)
    normal /= np.linalg.norm(normal)
    ordered = sorted(planes, key=lambda plane: float(plane.position @ normal))
    positions = np.array([plane.position for plane in ordered])
    gaps = np.diff(positions @ normal)
    typical = float(np.median(gaps))
    if gaps.min() < 0.01:
        raise SeriesRefusedError(Verdict.POSITIONS_REPEAT)
    if typical > FURTHEST_SLICES_MM:
        raise SeriesRefusedError(Verdict.SLICES_TOO_FAR)
    step = (positions[-1] - positions[0]) / (len(ordered) - 1)
    off = np.linalg.norm(positions - positions[0] - np.arange(len(ordered))[:, None] * step, axis=1)
    if max(np.abs(gaps - typical).max(), off.max() / 2) > max(_APART_MM, _APART * typical):
        raise SeriesRefusedError(Verdict.GAPS)
    if np.degrees(np.arccos(np.clip(step @ normal / np.linalg.norm(step), -1, 1))) > MOST_TILT_DEGREES:
        raise SeriesRefusedError(Verdict.GANTRY_TILT)
    steps = np.stack((step, first.along_column * first.spacing[0], first.along_row * first.spacing[1]), axis=1)
    return Volume(tuple(ordered), positions[0], steps)
