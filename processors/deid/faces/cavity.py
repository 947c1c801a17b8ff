"""The cranial cavity: what the skull encloses in CT, what lies deep in the upper head in MR.

1. CT: soft tissue that has bone to its left and right, before and behind it, and above it or the end of the volume.
   MR: bright tissue deeper than 12 mm in the body.
2. Shrunk, so that what hangs together through holes of the skull falls apart; the largest piece, grown again, and a
   voxel further as far as soft tissue goes; in MR three voxels, since what is deep in the head begins behind its rim.
3. From its widest level down until it has become narrow: what follows is the spinal canal.
4. It must have the size and the form of a cranial cavity, and in CT bone all around; else there is none.
"""

from typing import Final

import numpy as np

from processors.deid.faces.components import Mask, grown, largest, shrunk
from processors.deid.faces.grid import Grid
from processors.deid.faces.tissue import Tissue
from processors.deid.faces.verdict import SeriesRefusedError, Verdict

ENCLOSED: Final = 0.7
"""The share of the cavity's rim that must be next to bone in CT."""
MILLILITRES: Final = (300.0, 2300.0)
EXTENTS_MM: Final = ((45.0, 180.0), (95.0, 220.0), (85.0, 185.0))
"""Of a cavity along S, P and L, from infants to the largest heads."""
_DEEP_MM = 12.0
_APART_MM = 6.0
_APART_IN_MR_MM = 12.0
_SCALP_MM = 6.0
_NARROW = 0.25


def cavity_of(grid: Grid, tissue: Tissue, *, hounsfield: bool) -> Mask:
    """Find the cavity.

    Raises:
        SeriesRefusedError: there is none that has size and form of one.
    """
    candidate = _enclosed(grid, tissue) if hounsfield else _deep(grid, tissue)
    times = max(1, round((_APART_MM if hounsfield else _APART_IN_MR_MM) / grid.step))
    core = largest(shrunk(candidate, times))
    found = grown(core, times) & candidate
    inside = tissue.soft & shrunk(tissue.body, max(1, round(_SCALP_MM / grid.step)))
    for _ in range(1 if hounsfield else 3):
        found = grown(found) & inside
    found = _above_canal(found)
    if not _plausible(found, grid) or (hounsfield and _share_next_to_bone(found, tissue, grid) < ENCLOSED):
        raise SeriesRefusedError(Verdict.CAVITY_NOT_FOUND)
    return found


def _enclosed(grid: Grid, tissue: Tissue) -> Mask:
    bone = tissue.bone
    end = grid.inside.copy()
    end[:-1] &= ~grid.inside[1:]
    found = tissue.soft & _beyond(bone | (end & tissue.body), 0, forward=True)
    for axis in (1, 2):
        for forward in (False, True):
            found &= _beyond(bone, axis, forward=forward)
    return found


def _beyond(mask: Mask, axis: int, *, forward: bool) -> Mask:
    """Where something of the mask lies further along an axis, at the same place or beyond it."""
    turned = np.flip(mask, axis) if forward else mask
    met = np.logical_or.accumulate(turned, axis=axis)
    return np.flip(met, axis) if forward else met


def _deep(grid: Grid, tissue: Tissue) -> Mask:
    # Beyond the volume the head goes on, so that its ends are no surface.
    return tissue.soft & shrunk(tissue.body, max(1, round(_DEEP_MM / grid.step)))


def _above_canal(mask: Mask) -> Mask:
    areas = mask.sum(axis=(1, 2))
    widest = int(areas.argmax())
    narrow = np.flatnonzero(areas[:widest] < _NARROW * areas[widest])
    out = mask.copy()
    if len(narrow):
        out[: int(narrow[-1]) + 1] = False
    return out


def _plausible(mask: Mask, grid: Grid) -> bool:
    if not MILLILITRES[0] <= float(mask.sum()) * grid.millilitres <= MILLILITRES[1]:
        return False
    sizes = [float(np.ptp(places) + 1) * grid.step for places in np.nonzero(mask)]
    return all(low <= size <= high for size, (low, high) in zip(sizes, EXTENTS_MM, strict=True))


def _share_next_to_bone(mask: Mask, tissue: Tissue, grid: Grid) -> float:
    rim = grown(mask) & ~mask & grid.inside
    near = grown(tissue.bone, max(1, round(_APART_MM / grid.step)))
    return float((rim & near).sum() / max(1, rim.sum()))
