"""The planes of files and their values, one file in memory at a time."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from processors.deid.faces.grid import Values
from processors.deid.faces.plane import Plane, Vector, planes_of
from processors.deid.faces.stored import Stored, opened_file
from processors.deid.faces.volume import Volume

AIR_HU = -1000.0


def planes_in(files: Iterable[Path]) -> list[Plane]:
    """The planes of all files.

    Raises:
        SeriesRefusedError: a file is not well-formed, or does not say where it lies.
    """
    planes: list[Plane] = []
    for file in files:
        with opened_file(file) as opened:
            planes += planes_of(file, opened.header)
    return planes


def places_of(plane: Plane, axes: Vector) -> tuple[NDArray[np.float64], ...]:
    """Where the pixels of a plane lie along `axes`: L, P and S in mm, each of shape (rows, columns)."""
    position, down, across = (axes @ each for each in (plane.position, plane.along_column, plane.along_row))
    rows, columns = (np.arange(size) * spacing for size, spacing in zip(plane.size, plane.spacing, strict=True))
    return tuple(position[axis] + down[axis] * rows[:, None] + across[axis] * columns[None, :] for axis in range(3))


class Reader:
    """Reads planes; holds the file that was read last.

    `lowest` is the lowest stored value that was met, padding apart.
    """

    def __init__(self, *, hounsfield: bool, alive: Callable[[], None] = lambda: None) -> None:
        self.lowest: int | None = None
        self._alive = alive
        self._hounsfield = hounsfield
        self._file: Path | None = None
        self._stored: Stored | None = None

    def another(self) -> "Reader":
        """One that reads the same kind of images, and holds another file."""
        return Reader(hounsfield=self._hounsfield, alive=self._alive)

    def stored(self, file: Path) -> Stored:
        """The pixels of a file.

        Raises:
            SeriesRefusedError: they cannot be read.
        """
        if self._stored is None or self._file != file:
            with ExitStack() as stack:
                self._stored = Stored.of(stack.enter_context(opened_file(file)))
            self._file = file
        return self._stored

    def values(self, plane: Plane) -> Values:
        """HU in CT, signal in MR, (rows, columns); padding is air in CT and the darkest of the slice in MR."""
        self._alive()
        stored = self.stored(plane.file)
        found = stored.values(plane.frame)
        padded = (found >= stored.padding[0]) & (found <= stored.padding[1]) if stored.padding else None
        known = found if padded is None else found[~padded]
        darkest = int(known.min()) if known.size else 0
        if known.size:
            self.lowest = darkest if self.lowest is None else min(self.lowest, darkest)
        values = (found * plane.slope + plane.intercept).astype(np.float32)
        if padded is not None:
            values[padded] = AIR_HU if self._hounsfield else darkest * plane.slope + plane.intercept
        return values

    def all(self, volume: Volume) -> Iterator[tuple[Plane, Values]]:
        """The values of each plane in order."""
        for plane in volume.planes:
            yield plane, self.values(plane)
