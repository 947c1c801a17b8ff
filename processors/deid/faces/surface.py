"""The front of a head as a depth map, and what of it a face shows."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from processors.deid.faces.components import Mask
from processors.deid.faces.cut import Head
from processors.deid.faces.grid import Grid
from processors.deid.faces.plane import Vector

WINDOW_MM: Final = (30.0, 30.0, 90.0)
"""The middle of a face: to either side of the midline, and from brow to chin, below the frontal pole."""
RECEDES_MM: Final = 10.0
"""Surface further behind the cavity's front than this is none of a face."""
MOVED_MM: Final = 6.0
MOVED_SHARE: Final = 0.97
LEAST_FACE_CM2: Final = 10.0
NOSE_MM: Final = (8.0, 3.0)
"""By how much a nose must stand out from what is beside it, and more than anything at the back of the head does."""
_NOSE = (6.0, 16.0, 26.0, 24.0)
"""Half the width of a nose, where beside it is, and how far from the midline it is looked for, on an adult."""


def front_of(mask: Mask, grid: Grid) -> Vector:
    """For each (S, L), where along P the first voxel of a mask lies; `nan` where there is none."""
    return np.where(mask.any(axis=1), grid.at(1, mask.argmax(axis=1)), np.nan)


def back_of(mask: Mask, grid: Grid) -> Vector:
    """For each (S, L), where along P the last voxel of a mask lies; `nan` where there is none."""
    last = mask.shape[1] - 1 - np.flip(mask, 1).argmax(axis=1)
    return np.where(mask.any(axis=1), grid.at(1, last), np.nan)


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """The rays that met a face, as a mask over (S, L), and how far noses stand out in front and behind, in mm."""

    rays: Mask
    area_cm2: float
    nose: float
    nape: float

    @property
    def found(self) -> bool:
        """Whether there is one."""
        return self.area_cm2 >= LEAST_FACE_CM2

    @property
    def in_front(self) -> bool:
        """Whether there is a nose in front and none behind; so the axes are right, however the head is raised."""
        return self.nose >= max(NOSE_MM[0], self.nape + NOSE_MM[1])


def face_of(body: Mask, head: Head, grid: Grid) -> Face:
    """Look from the front and from the back at the window of a face, whose place the cavity alone decides."""
    beside, below, down_to = (size * head.scale for size in WINDOW_MM)
    up, left = grid.at(0, np.arange(body.shape[0])), grid.at(2, np.arange(body.shape[2]))
    levels = (up < head.level - below) & (up > head.level - down_to)
    window = levels[:, None] & (np.abs(left - head.middle) < beside)[None, :]
    front = front_of(body, grid)
    rays = window & (np.nan_to_num(front, nan=np.inf) < head.front + RECEDES_MM)
    area = float(rays.sum()) * grid.step**2 / 100 / head.scale**2
    aside = (left - head.middle) / head.scale
    return Face(rays, area, _nose(front[levels], aside), _nose(-back_of(body, grid)[levels], aside))


def _nose(depth: Vector, aside: Vector) -> float:
    """How far something as narrow as a nose stands out, in mm: at two levels at least, from both its sides.

    Args:
        depth: of the levels of a face, (S, L).
        aside: of each column, mm from the midline of an adult's head.
    """
    half, inner, outer, furthest = _NOSE
    depth = np.nan_to_num(depth, nan=1e4)
    found = [0.0, 0.0]
    for middle in aside[np.abs(aside) < furthest]:
        away = aside - middle
        tip = depth[:, np.abs(away) <= half].min(axis=1, initial=1e4)
        sides = [depth[:, (sign * away >= inner) & (sign * away <= outer)] for sign in (-1, 1)]
        if all(side.shape[1] for side in sides):
            lower = np.minimum(*(np.median(side, axis=1) for side in sides))
            stands = np.where((tip < 1e4) & (lower < 1e4), lower - tip, 0)
            found += np.sort(stands)[-2:].tolist()
            found = [max(found[::2]), max(found[1::2])]
    return min(found)


def moved_share(face: Face, before: Vector, after: Vector) -> float:
    """The share of a face's rays that now meet something `MOVED_MM` further back, or nothing."""
    gone = np.nan_to_num(after, nan=np.inf) - before
    return float((gone[face.rays] >= MOVED_MM).mean())
