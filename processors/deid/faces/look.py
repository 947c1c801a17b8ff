"""The second look: at the written files, read anew, as if nobody had told what was done to them.

1. They are the same volume, and lie where the originals lay.
2. Every voxel that the cut removes has the one value; every other one is as it was.
3. From the front, where there was a face, nothing is met before `MOVED_MM` behind the old surface. What window that is
   follows from the cavity and not from the cut, so that a cut in a wrong place is seen too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from processors.deid.faces.cut import Cut, Head
from processors.deid.faces.grid import Blocks, Grid, Values
from processors.deid.faces.plane import Plane, Vector
from processors.deid.faces.reading import Reader, places_of, planes_in
from processors.deid.faces.surface import MOVED_SHARE, Face, front_of, moved_share
from processors.deid.faces.verdict import SeriesRefusedError, Verdict
from processors.deid.faces.volume import Volume, volume_of


@dataclass(frozen=True, slots=True, eq=False)
class Before:
    """What the first look found: the volume, its head and face, the surface, and where body begins."""

    volume: Volume
    grid: Grid
    head: Head
    face: Face
    front: Vector
    threshold: float


@dataclass(slots=True)
class Counted:
    """Voxels of the volume, of the cut, and those whose value is another one."""

    all: int = 0
    removed: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What it saw: the surface now, the share of the face that is gone, and the counts."""

    front: Vector
    moved: float
    counted: Counted = field(default_factory=Counted)


def look_again(before: Before, cut: Cut, value: int, written: dict[Path, Path], originals: Reader) -> Seen:
    """Look at the files `written` for the originals.

    Raises:
        SeriesRefusedError: `FACE_LEFT`, or what is wrong with a written file.
    """
    volume = volume_of(planes_in(written.values()))
    same = np.allclose(volume.steps, before.volume.steps) and np.allclose(volume.origin, before.volume.origin)
    if volume.shape != before.volume.shape or not same:
        raise SeriesRefusedError(Verdict.FACE_LEFT)
    counted = Counted()
    copies = originals.another()

    def compared(volume: Volume) -> Iterator[tuple[Plane, Values]]:
        for old, new in zip(before.volume.planes, volume.planes, strict=True):
            if written[old.file] != new.file or old.frame != new.frame:
                raise SeriesRefusedError(Verdict.FACE_LEFT)
            was, now = originals.stored(old.file).values(old.frame), copies.stored(new.file).values(new.frame)
            gone = cut.removes(*places_of(new, before.grid.axes))
            if not np.array_equal(now, np.where(gone, value, was)):
                raise SeriesRefusedError(Verdict.FACE_LEFT)
            counted.all += gone.size
            counted.removed += int(gone.sum())
            counted.changed += int((now != was).sum())
            yield new, copies.values(new)

    grid = Blocks.of(volume, compared).along(before.grid.axes)
    if grid.values.shape != before.grid.values.shape:
        raise SeriesRefusedError(Verdict.FACE_LEFT)
    front = front_of(np.nan_to_num(grid.values, nan=-np.inf) > before.threshold, grid)
    moved = moved_share(before.face, before.front, front)
    if moved < MOVED_SHARE:
        raise SeriesRefusedError(Verdict.FACE_LEFT)
    return Seen(front, moved, counted)
