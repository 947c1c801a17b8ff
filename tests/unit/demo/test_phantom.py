"""The phantom: the same for everyone, and not to be solved without a model."""

import numpy as np
import pytest

from ml.evaluation.baseline import Judged, best_threshold
from sluice.demo.phantom import SHAPE, TRAINING_SEEDS, UNSEEN_SEEDS, phantom_patient


def test_the_same_seed_makes_the_same_voxels() -> None:
    first, second = phantom_patient(7), phantom_patient(7)
    assert np.array_equal(first.volume, second.volume)
    assert np.array_equal(first.truth, second.truth)
    assert first.spacing == second.spacing
    assert first.origin == second.origin


def test_patients_differ_in_voxels_and_spacing() -> None:
    first, second = (phantom_patient(seed) for seed in UNSEEN_SEEDS[:2])
    assert first.spacing != second.spacing
    assert not np.array_equal(first.volume, second.volume)


@pytest.mark.parametrize("seed", TRAINING_SEEDS + UNSEEN_SEEDS)
def test_nodules_lie_in_the_right_half_alone_and_are_as_dense_as_soft_tissue(seed: int) -> None:
    patient = phantom_patient(seed)
    assert patient.volume.shape == patient.truth.shape == SHAPE
    assert patient.volume.dtype == np.int16
    columns = np.flatnonzero(patient.truth.any(axis=(0, 1)))
    # Columns grow to the patient's left, so the right half has the low ones.
    assert 0 < columns.min() < columns.max() < SHAPE[2] / 2
    # Their rims are blurred into the lung, so the cores tell.
    assert np.percentile(patient.volume[patient.truth], 85) == pytest.approx(60, abs=25)


def test_no_threshold_with_components_finds_the_nodules_of_the_unseen() -> None:
    patients = [phantom_patient(seed) for seed in UNSEEN_SEEDS]
    judged = [Judged(p.volume, p.truth, float(np.prod(p.spacing)) / 1000) for p in patients]
    assert best_threshold(judged).dice < 0.45
