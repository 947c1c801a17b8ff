"""A volume small enough to think about: cubes of about 3 mm along the head's axes, made slice by slice."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from processors.deid.faces.components import Mask
from processors.deid.faces.plane import Plane, Vector
from processors.deid.faces.verdict import SeriesRefusedError, Verdict
from processors.deid.faces.volume import Volume

STEP_MM: Final = 3.0
_MOST_VOXELS = 8_000_000
_WIDEST_STEP_MM = 5.0

Values = NDArray[np.float32]
Read = Callable[[Volume], Iterator[tuple[Plane, Values]]]
"""The values of each plane in order: HU in CT, signal in MR; what is padding is `nan`."""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Values at (S, P, L): index 0 is lowest, foremost and rightmost; `inside` is false beyond the field of view.

    The axes are the head's: the rows of `axes` are L, P and S of the grid in the patient's. `origin` is the centre of
    the first voxel as (S, P, L) in mm.
    """

    values: Values
    inside: Mask
    origin: Vector
    step: float
    axes: Vector

    def at(self, axis: int, index: NDArray[np.int64] | int) -> Vector:
        """Where indices along an axis lie, in mm."""
        return np.asarray(self.origin[axis] + self.step * np.asarray(index, np.float64))

    @property
    def millilitres(self) -> float:
        """Of one voxel."""
        return self.step**3 / 1000


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Means of blocks of pixels, then of slices, in the directions that were scanned."""

    values: Values
    origin: Vector
    steps: Vector
    step: float

    @classmethod
    def of(cls, volume: Volume, read: Read) -> "Blocks":
        """Read a volume once.

        Raises:
            SeriesRefusedError: the volume is larger than any patient, or what `read` raises.
        """
        step = _step(volume)
        blocks = tuple(max(1, int(step / spacing)) for spacing in volume.spacing)
        slices, rows, columns = (size // block for size, block in zip(volume.shape, blocks, strict=True))
        small = np.zeros((slices, rows, columns), np.float32)
        for number, (_, values) in enumerate(read(volume)):
            if (to := number // blocks[0]) < slices:
                cut = values[: rows * blocks[1], : columns * blocks[2]]
                small[to] += cut.reshape(rows, blocks[1], columns, blocks[2]).mean(axis=(1, 3)) / blocks[0]
        first = volume.origin + volume.steps @ ((np.array(blocks) - 1) / 2)
        return cls(small, first, volume.steps * blocks, step)

    def along(self, axes: Vector) -> Grid:
        """The nearest block at each place of a grid along other axes, slab by slab."""
        shape, steps, origin = np.array(self.values.shape), axes @ self.steps, axes @ self.origin
        low, high = _bounds(shape, origin, steps)
        count = np.floor((high - low) / self.step + 0.01).astype(int) + 1
        back = np.linalg.inv(steps)
        left, posterior = (low[axis] + self.step * np.arange(count[axis]) - origin[axis] for axis in (0, 1))
        flat = back[:, 0, None, None] * left[None, None, :] + back[:, 1, None, None] * posterior[None, :, None]
        values = np.full((count[2], count[1], count[0]), np.nan, np.float32)
        inside = np.zeros(values.shape, np.bool_)
        limits = shape[:, None, None]
        for up in range(count[2]):
            place = np.rint(flat + back[:, 2, None, None] * (low[2] + self.step * up - origin[2])).astype(np.int64)
            inside[up] = ((place >= 0) & (place < limits)).all(axis=0)
            a, b, c = np.clip(place, 0, limits - 1)
            values[up] = np.where(inside[up], self.values[a, b, c], np.nan)
        return Grid(values, inside, low[::-1].copy(), self.step, axes)


def _step(volume: Volume) -> float:
    """The side of a cube, wider where the patient lies whole in the volume."""
    low, high = _bounds(np.array(volume.shape), volume.origin, volume.steps)
    step = max(STEP_MM, float(np.cbrt(np.prod(high - low) / _MOST_VOXELS)))
    if step > _WIDEST_STEP_MM:
        raise SeriesRefusedError(Verdict.TOO_LARGE)
    return step


def _bounds(shape: NDArray[np.int64], origin: Vector, steps: Vector) -> tuple[Vector, Vector]:
    """The lowest and the highest corner, as (L, P, S) in mm."""
    corners = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)]) * (shape - 1)
    places = origin + corners @ steps.T
    return places.min(axis=0), places.max(axis=0)
