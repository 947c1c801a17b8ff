"""Whither a head is turned in the patient's axes: to a side, as the longest way through its cavity goes."""

from typing import Final

import numpy as np

from processors.deid.faces.components import Mask
from processors.deid.faces.grid import Grid
from processors.deid.faces.plane import Vector

PATIENT: Final = np.eye(3)
"""The patient's own axes: L, P and S."""
MOST_TURNED_DEGREES: Final = 35.0
"""What is turned further is measured along the patient's axes, and what is then no face is not passed."""
_LONGER = 1.1


def axes_of(cavity: Mask, grid: Grid) -> Vector:
    """Rows L, P and S of the head in the patient's axes; the patient's own where no way is longest.

    From front to back a cavity is longer than across. How far a head is raised or leans is not asked: which way is the
    longest from front to back differs from head to head, and the cut allows for it.
    """
    left, posterior = (grid.at(axis, np.nonzero(cavity)[axis]) for axis in (2, 1))
    sizes, ways = np.linalg.eigh(np.cov(np.stack((left, posterior))))
    across, back = ways[:, 1] * np.sign(ways[1, 1])
    turned = np.degrees(np.arctan2(abs(across), back))
    if np.sqrt(sizes[1] / sizes[0]) < _LONGER or turned > MOST_TURNED_DEGREES:
        return PATIENT
    return np.array([[back, -across, 0.0], [across, back, 0.0], [0.0, 0.0, 1.0]])
