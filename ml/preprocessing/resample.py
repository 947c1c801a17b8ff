"""Linear resampling between parallel grids whose result is the same on every machine.

Weights are rounded to multiples of 2^-12 and each row sums to exactly 1. Sixteen-bit values weighted along three axes
then need at most 52 bits, so every product and sum is exact in float64: no order of summation, fused instruction or
BLAS can change a voxel, and a digest of the result means what it says.

When the target is coarser than the source, the kernel (a triangle) widens to the target's spacing, so that noise and
fine structure are averaged instead of picked at random.
"""

import numpy as np
import numpy.typing as npt

from ml.preprocessing.grid import Grid, axis_map
from ml.preprocessing.slices import FloatArray

WEIGHT_STEPS = 1 << 12


def resample(values: npt.NDArray[np.generic], source: Grid, target: Grid) -> FloatArray:
    """Read `values` on `source` at the voxel centres of `target`; beyond the source's edge its last voxel repeats.

    Args:
        values: Shape `source.shape`; integers of at most 16 bits for an exact result.
        source: Where the values lie.
        target: A parallel grid; its axes may be permuted and reversed.

    Returns:
        Shape `target.shape`, float64.

    Raises:
        ValueError: The grids are not parallel.
    """
    if tuple(values.shape) != source.shape:
        raise ValueError("the values do not have the shape of their grid")
    axes = axis_map(source, target)
    turned = values.transpose([axis for axis, _, _ in axes])
    weights = [
        axis_weights(source.shape[axis], target.shape[index], factor, offset)
        for index, (axis, factor, offset) in enumerate(axes)
    ]
    # Plane by plane along the first axis: a large series never stands in memory as float64.
    planes = np.empty((turned.shape[0], target.shape[1], target.shape[2]))
    for index in range(turned.shape[0]):
        planes[index] = weights[1] @ turned[index].astype(np.float64) @ weights[2].T
    return np.tensordot(weights[0], planes, axes=1)


def axis_weights(source_size: int, target_size: int, factor: float, offset: float) -> FloatArray:
    """Weights `(target, source)` of a triangle kernel about `factor * target + offset`, in source voxels.

    Each row sums to exactly 1 and holds multiples of 2^-12 only.
    """
    # Rounding the centre hides the last bits of an affine's inverse, which differ between machines.
    centres = np.round(factor * np.arange(target_size) + offset, 6)
    centres = np.clip(centres, 0, source_size - 1)
    width = max(1.0, round(abs(factor), 6))
    distances = np.abs(np.arange(source_size)[None, :] - centres[:, None])
    raw = np.clip(1 - distances / width, 0, None)
    raw = np.round(raw / raw.sum(axis=1, keepdims=True), 9)
    steps = np.floor(raw * WEIGHT_STEPS + 0.5)
    rows = np.arange(target_size)
    steps[rows, raw.argmax(axis=1)] += WEIGHT_STEPS - steps.sum(axis=1)
    weights: FloatArray = steps / WEIGHT_STEPS
    return weights
