"""Resampling is exact arithmetic, so that its result has a digest."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ml.preprocessing.grid import Grid, with_spacing
from ml.preprocessing.resample import WEIGHT_STEPS, axis_weights, resample


@given(
    source=st.integers(1, 40),
    target=st.integers(1, 40),
    factor=st.floats(0.1, 6) | st.floats(-6, -0.1),
    offset=st.floats(-5, 45),
)
def test_weights_are_multiples_of_a_step_and_sum_to_exactly_one(
    source: int, target: int, factor: float, offset: float
) -> None:
    weights = axis_weights(source, target, factor, offset)
    assert (weights.sum(axis=1) == 1).all()
    assert np.array_equal(weights * WEIGHT_STEPS, np.rint(weights * WEIGHT_STEPS))
    assert weights.min() >= 0


def test_the_order_of_summation_cannot_change_a_voxel() -> None:
    values = np.random.default_rng(1).integers(-32768, 32768, (7, 9, 11)).astype(np.int16)
    source = Grid((7, 9, 11), np.diag([5.0, 0.7, 0.7, 1.0]))
    target = with_spacing(source, (1.3, 1.3, 1.3))
    turned = Grid((7, 9, 11), source.affine @ mirror(6, 8, 10))
    there = resample(values, source, target)
    assert np.array_equal(there, resample(values[::-1, ::-1, ::-1], turned, target))


def mirror(i: int, j: int, k: int) -> np.ndarray:
    """Index map of a fully reversed array."""
    matrix = -np.eye(4)
    matrix[:, 3] = i, j, k, 1
    return matrix


def test_a_constant_volume_stays_constant() -> None:
    source = Grid((5, 6, 7), np.diag([3.0, 0.5, 0.5, 1.0]))
    values = np.full((5, 6, 7), 1234, dtype=np.int16)
    assert (resample(values, source, with_spacing(source, (2.0, 2.0, 2.0))) == 1234).all()


def test_a_coarser_grid_averages_instead_of_picking() -> None:
    checker = (np.indices((16, 16, 16)).sum(axis=0) % 2 * 100).astype(np.int16)
    source = Grid((16, 16, 16), np.eye(4))
    coarse = resample(checker, source, with_spacing(source, (4.0, 4.0, 4.0)))
    assert np.abs(coarse[1:-1, 1:-1, 1:-1] - 50).max() < 1
