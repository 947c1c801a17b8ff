"""Where voxels lie in the patient, and how one grid maps onto another.

A grid is a shape and an affine: `affine @ (i, j, k, 1)` is the centre of voxel `[i, j, k]` in mm, with axes pointing
to the patient's Right, Anterior and Superior (RAS). DICOM itself counts to the Left and Posterior (LPS).

Volumes are kept in *canonical order*: the first axis runs to the head, the second to the back, the third to the
patient's left, as an ordinary axial CT already does. So a side of the array is a side of the patient, however the
patient lay and whatever plane was acquired.
"""

from dataclasses import dataclass
from itertools import permutations

import numpy as np

from ml.errors import SeriesError
from ml.preprocessing.slices import FloatArray

CANONICAL_RAS = np.array([[0, 0, 1], [0, -1, 0], [-1, 0, 0]], dtype=np.float64)
"""Rows: the RAS direction of the first, second and third array axis in canonical order (S, P, L)."""

OBLIQUE_COSINE = np.cos(np.radians(40))


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """A shape `(i, j, k)` and the affine (4 x 4, mm, RAS) of its voxel centres."""

    shape: tuple[int, int, int]
    affine: FloatArray

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance between voxel centres along each array axis, mm."""
        i, j, k = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(i), float(j), float(k)

    @property
    def directions(self) -> FloatArray:
        """Unit RAS direction of each array axis, one a row."""
        matrix: FloatArray = (self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0)).T
        return matrix


def canonical(grid: Grid) -> Grid:
    """The same voxels with axes permuted and reversed into canonical order.

    Raises:
        SeriesError: (`oblique`) No order brings each axis within 40 degrees of the patient's.
    """
    cosines = CANONICAL_RAS @ grid.directions.T  # [canonical axis, array axis]
    order = max(permutations(range(3)), key=lambda axes: sum(abs(cosines[row, axis]) for row, axis in enumerate(axes)))
    if min(abs(cosines[row, axis]) for row, axis in enumerate(order)) < OBLIQUE_COSINE:
        raise SeriesError("oblique", "the axes of the series are too far from the patient's")
    affine = np.eye(4)
    affine[:3, 3] = grid.affine[:3, 3]
    for row, axis in enumerate(order):
        column = grid.affine[:3, axis]
        if cosines[row, axis] < 0:
            affine[:3, 3] += column * (grid.shape[axis] - 1)
            column = -column
        affine[:3, row] = column
    i, j, k = (grid.shape[axis] for axis in order)
    return Grid((i, j, k), affine)


def with_spacing(grid: Grid, spacing: tuple[float, float, float]) -> Grid:
    """A grid over the same extent with another spacing (mm); its outer faces begin where the old ones did.

    The number of voxels is rounded up, so that no part of the patient falls off.
    """
    old = np.array(grid.spacing)
    new = np.array(spacing)
    count = np.maximum(1, np.ceil(np.array(grid.shape) * old / new - 1e-6)).astype(int)
    unit = grid.affine[:3, :3] / old
    affine = np.eye(4)
    affine[:3, :3] = unit * new
    # Centre of the first voxel: half a new voxel in from the face that lies half an old voxel before the old centre.
    affine[:3, 3] = grid.affine[:3, 3] + unit @ ((new - old) / 2)
    return Grid((int(count[0]), int(count[1]), int(count[2])), affine)


def axis_map(source: Grid, target: Grid) -> tuple[tuple[int, float, float], ...]:
    """How target indices read source indices when both grids are parallel.

    Returns:
        One `(source axis, factor, offset)` for each target axis: source index = factor * target index + offset.

    Raises:
        ValueError: The grids are not parallel.
    """
    matrix = np.linalg.inv(source.affine) @ target.affine
    found: list[tuple[int, float, float]] = []
    for target_axis in range(3):
        column = matrix[:3, target_axis]
        source_axis = int(np.abs(column).argmax())
        rest = np.delete(column, source_axis)
        if np.abs(rest).max() * max(target.shape) > 0.01 * max(1.0, abs(column[source_axis])):
            raise ValueError("the grids are not parallel")
        found.append((source_axis, float(column[source_axis]), float(matrix[source_axis, 3])))
    if sorted(axis for axis, _, _ in found) != [0, 1, 2]:
        raise ValueError("the grids are not parallel")
    return tuple(found)
