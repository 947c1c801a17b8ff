"""The best threshold with connected components, chosen with the truth in hand.

What a network is worth shows beside the best that needs none. This baseline is given every advantage: it may take any
band of densities and any range of component sizes, and picks them on the very volumes that it is judged on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from ml.preprocessing.slices import HUArray

LOWER_HU = tuple(range(-600, 121, 40))
WIDTHS_HU = (40, 80, 160, 4000)
SIZES_ML = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 1e9)
"""Bounds of component size, millilitres; every pair of them is tried."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The best rule found and its mean Dice over the volumes."""

    dice: float
    lower_hu: int
    upper_hu: int
    smallest_ml: float
    largest_ml: float


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """One volume with its truth, same shape, and the millilitres of a voxel."""

    hounsfield: HUArray
    truth: npt.NDArray[np.bool_]
    voxel_ml: float


def best_threshold(volumes: Sequence[Judged]) -> Baseline:
    """Try every band of densities and, within it, every range of component sizes.

    Raises:
        ValueError: There is no volume.
    """
    if not volumes:
        raise ValueError("no volume to judge on")
    ranges = [(low, high) for low in SIZES_ML for high in SIZES_ML if low < high]
    best = Baseline(-1.0, 0, 0, 0.0, 0.0)
    for lower, width in product(LOWER_HU, WIDTHS_HU):
        scores = np.mean([_dice_by_size(volume, lower, lower + width, ranges) for volume in volumes], axis=0)
        top = int(np.argmax(scores))
        if scores[top] > best.dice:
            best = Baseline(float(scores[top]), lower, lower + width, *ranges[top])
    return best


def _dice_by_size(judged: Judged, lower: int, upper: int, ranges: Iterable[tuple[float, float]]) -> list[float]:
    """Dice for each range of component sizes, from one labelling.

    Dice of a union of components needs only each component's size and overlap with the truth.
    """
    labels, count = ndimage.label((judged.hounsfield >= lower) & (judged.hounsfield < upper))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    overlaps = np.bincount(labels[judged.truth], minlength=count + 1)[1:]
    millilitres = sizes * judged.voxel_ml
    total = int(judged.truth.sum())
    scores = []
    for low, high in ranges:
        kept = (millilitres >= low) & (millilitres < high)
        found = int(sizes[kept].sum())
        scores.append(1.0 if found + total == 0 else 2.0 * int(overlaps[kept].sum()) / (found + total))
    return scores
