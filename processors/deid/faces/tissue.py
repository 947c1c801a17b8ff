"""What is body and what is bone: by Hounsfield units in CT, by the series' own grey values in MR."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from processors.deid.faces.components import Mask, filled, grown, largest, shrunk
from processors.deid.faces.grid import Grid

BODY_HU: Final = -300.0
BONE_HU: Final = 200.0
_BRAIN_HU = (-120.0, 200.0)
_OVER_BONE = 2


@dataclass(frozen=True, slots=True, eq=False)
class Tissue:
    """Masks on a grid: `body` is the largest connected thing that is no air, with all that it encloses.

    `bone` is empty in MR; `soft` is what brain may be; `threshold` is where body begins, in the grid's values.
    """

    body: Mask
    bone: Mask
    soft: Mask
    threshold: float


def tissue_of(grid: Grid, *, hounsfield: bool) -> Tissue:
    """Find body, bone and soft tissue; padding is air."""
    values = np.nan_to_num(grid.values, nan=-np.inf)
    if hounsfield:
        body = filled(largest(values > BODY_HU))
        bone = body & (values > BONE_HU)
        return Tissue(body, bone, body & (values > _BRAIN_HU[0]) & (values < _BRAIN_HU[1]), BODY_HU)
    threshold = _between(values)
    bright = values > threshold
    # The skull is as dark as air: what lies within it hangs together with the skin once both have grown over it.
    body = shrunk(filled(largest(grown(bright, _OVER_BONE))), _OVER_BONE)
    return Tissue(body, np.zeros_like(bright), bright, threshold)


def _between(values: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> float:
    """Half of Otsu's threshold over what is not brighter than 98 of 100 voxels.

    Half, since Otsu's own lies between dark and bright tissue where fat or contrast is bright; the noise of air lies
    far below either.
    """
    known = values[np.isfinite(values)]
    if not known.size:
        return np.inf
    low, high = np.percentile(known, (0.5, 98))
    counts, edges = np.histogram(np.clip(known, low, high), 256)
    middles = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)
    total = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = (total[-1] * below / below[-1] - total) ** 2 / (below * (below[-1] - below))
    apart = np.where(np.isfinite(apart), apart, -1)
    # Where nothing lies between dark and bright, every threshold there is as good: the middle of them.
    otsu = float(middles[apart >= 0.999 * apart.max()].mean())
    return float(low) + (otsu - float(low)) / 2
