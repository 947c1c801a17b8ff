"""Shapes in a volume of booleans: grown, shrunk, and taken apart into connected pieces (six neighbours each)."""

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def grown(mask: Mask, times: int = 1) -> Mask:
    """The mask and its neighbours, `times` times."""
    for _ in range(times):
        out = mask.copy()
        for axis in range(3):
            after, before = _pairs(axis)
            out[after] |= mask[before]
            out[before] |= mask[after]
        mask = out
    return mask


def shrunk(mask: Mask, times: int = 1) -> Mask:
    """The mask without what is next to something else, `times` times; beyond the volume is nothing else."""
    return ~grown(~mask, times)


def _pairs(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    after, before = [slice(None)] * 3, [slice(None)] * 3
    after[axis], before[axis] = slice(1, None), slice(None, -1)
    return tuple(after), tuple(before)


def labels(mask: Mask) -> NDArray[np.int64]:
    """For each true voxel, in the order of `np.flatnonzero`, the place of the first voxel of its piece.

    1. Each voxel begins as its own piece.
    2. Runs along each axis in turn take the lowest label among them.
    3. When no run changes any more, neighbours agree everywhere.
    """
    flat = np.flatnonzero(mask)
    places = np.full(mask.size, -1, np.int64)
    places[flat] = np.arange(len(flat))
    runs = [_runs(mask, places.reshape(mask.shape), axis) for axis in range(3)]
    found = np.arange(len(flat))
    while len(flat):
        before = found.copy()
        for order, starts, counts in runs:
            found[order] = np.repeat(np.minimum.reduceat(found[order], starts), counts)
        found = found[found]
        if np.array_equal(found, before):
            break
    return found


def _runs(mask: Mask, places: NDArray[np.int64], axis: int) -> tuple[NDArray[np.int64], ...]:
    """Places of true voxels in the order of an axis, where in that order each run begins, and how long it is."""
    along = np.moveaxis(mask, axis, -1)
    begins = along.copy()
    begins[..., 1:] &= ~along[..., :-1]
    order = np.moveaxis(places, axis, -1)[along]
    starts = np.flatnonzero(begins[along])
    return order, starts, np.diff(np.append(starts, len(order)))


def largest(mask: Mask) -> Mask:
    """The largest connected piece; all false where there is none."""
    out = np.zeros(mask.shape, np.bool_)
    flat = np.flatnonzero(mask)
    if len(flat):
        found = labels(mask)
        out.reshape(-1)[flat[found == np.bincount(found).argmax()]] = True
    return out


def filled(mask: Mask) -> Mask:
    """The mask and what it encloses: all that is not connected with the border through what is outside."""
    empty = np.ones(tuple(size + 2 for size in mask.shape), np.bool_)
    empty[1:-1, 1:-1, 1:-1] = ~mask
    found = labels(empty)
    outside = np.zeros(empty.shape, np.bool_)
    outside.reshape(-1)[np.flatnonzero(empty)[found == found[0]]] = True
    return ~outside[1:-1, 1:-1, 1:-1]
