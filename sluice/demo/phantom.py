"""The phantom's anatomy: a chest in Hounsfield units whose task a threshold cannot solve.

The nodules to be found lie in the right lung only. The left lung holds distractors of equal density, size and
shape, more of them, and vessels run through both. So density and form say nothing; the side does, and the side is
written all over the anatomy: the liver lies right, the heart left.

Coordinates are millimetres in the patient's system (PS3.3 C.7.6.2.1.1): x grows to the patient's left, y to the back,
z to the head; arrays are indexed (slice, row, column) and slice 0 is the lowest.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SHAPE = (48, 96, 96)
"""Slices, rows and columns of every phantom."""

TRAINING_SEEDS = (101, 102, 103, 104, 105, 106, 107, 108, 109, 110)
"""One seed per annotated study; the demo's last two studies belong to one patient."""

UNSEEN_SEEDS = (201, 202, 203)
"""One seed per patient whose annotation is never sent."""

AIR, FAT, SOFT, LUNG, BONE, LIVER, HEART, NODULE = -1000.0, -95.0, 42.0, -840.0, 420.0, 62.0, 48.0, 60.0
"""Densities in HU; nodules and distractors vary by 8 HU around theirs."""

NOISE = 16.0
"""Standard deviation of the scanner's noise in HU."""

Volume = NDArray[np.float32]
Mask = NDArray[np.bool_]


class Spacing(NamedTuple):
    """Distances between the centres of neighbouring voxels in mm."""

    slices: float
    rows: float
    columns: float


@dataclass(frozen=True, slots=True)
class Phantom:
    """One scanned chest and what is true about it.

    Attributes:
        volume: int16 HU, (slices, rows, columns).
        truth: the nodules, same shape.
        spacing: in mm.
        origin: x, y, z in mm of the centre of voxel (0, 0, 0).
    """

    volume: NDArray[np.int16]
    truth: Mask
    spacing: Spacing
    origin: tuple[float, float, float]


def phantom_patient(seed: int) -> Phantom:
    """Make the chest of one seed; the same seed makes the same voxels.

    Args:
        seed: any integer; patients differ in size, place, spacing and in what grows in their lungs.
    """
    random = np.random.default_rng(seed)
    in_plane = round(float(random.uniform(2.7, 3.3)), 2)
    spacing = Spacing(round(float(random.uniform(3.0, 4.0)), 1), in_plane, in_plane)
    chest = _Chest(random, spacing)
    tissue = chest.tissue()
    truth = chest.grow_nodules(tissue)
    blurred = _blur(tissue)
    noisy = blurred + random.normal(0.0, NOISE, SHAPE).astype(np.float32)
    return Phantom(np.clip(np.rint(noisy), -1024, 3071).astype(np.int16), truth, spacing, chest.origin)


class _Chest:
    """One patient's build, drawn from the random stream in a fixed order."""

    def __init__(self, random: np.random.Generator, spacing: Spacing) -> None:
        self.random = random
        self.size = float(random.uniform(0.92, 1.08))
        centre = random.uniform(-6.0, 6.0, 3)
        extent = np.array(SHAPE) * np.array(spacing)
        lowest = -extent[0] / 2
        self.z, self.y, self.x = np.meshgrid(
            lowest + spacing.slices * np.arange(SHAPE[0]) - centre[2],
            spacing.rows * (np.arange(SHAPE[1]) - SHAPE[1] / 2) - centre[1],
            spacing.columns * (np.arange(SHAPE[2]) - SHAPE[2] / 2) - centre[0],
            indexing="ij",
            sparse=True,
        )
        # A table position, so that no origin is a round number.
        table = random.uniform(-200.0, 200.0)
        self.origin = (
            round(-spacing.columns * SHAPE[2] / 2, 3),
            round(-spacing.rows * SHAPE[1] / 2, 3),
            round(float(lowest + table), 3),
        )

    def ellipsoid(self, centre: tuple[float, float, float], radii: tuple[float, float, float]) -> Mask:
        """Voxels inside an ellipsoid; centre and radii as x, y, z in mm before the patient's size."""
        (cx, cy, cz), (rx, ry, rz) = (np.array(centre) * self.size, np.array(radii) * self.size)
        inside: Mask = ((self.x - cx) / rx) ** 2 + ((self.y - cy) / ry) ** 2 + ((self.z - cz) / rz) ** 2 <= 1.0
        return inside

    def tissue(self) -> Volume:
        """Everything but nodules, without blur and noise."""
        far = 4000.0
        volume = np.full(SHAPE, AIR, np.float32)
        volume[self.ellipsoid((0, 0, 0), (122, 88, far))] = FAT
        volume[self.ellipsoid((0, 0, 0), (113, 80, far))] = SOFT
        right, left = self.lungs()
        volume[right | left] = LUNG
        volume[self.ellipsoid((-46, -4, -66), (52, 54, 34))] = LIVER
        volume[self.ellipsoid((24, -22, -14), (34, 30, 40))] = HEART
        volume[self.ellipsoid((0, 52, 0), (15, 17, far))] = BONE
        volume[self.ellipsoid((0, 74, 0), (5, 12, far))] = BONE
        return volume

    def lungs(self) -> tuple[Mask, Mask]:
        """The right and the left lung; the left one is smaller, for the heart needs room."""
        return self.ellipsoid((-54, 2, 8), (40, 56, 76)), self.ellipsoid((54, 4, 10), (38, 54, 74))

    def grow_nodules(self, volume: Volume) -> Mask:
        """Put vessels, distractors (left) and nodules (right) into `volume`; return the nodules alone."""
        right, left = (side & (volume == LUNG) for side in self.lungs())
        for lung, sign in ((right, -1.0), (left, 1.0)):
            for _ in range(7):
                volume[self._vessel(sign) & lung] = 45.0
        for _ in range(int(self.random.integers(7, 10))):
            self._blob(left, volume)
        truth = np.zeros(SHAPE, np.bool_)
        for _ in range(int(self.random.integers(3, 6))):
            truth |= self._blob(right, volume)
        return truth

    def _vessel(self, sign: float) -> Mask:
        """A tube from the hilum outwards, 2.5 to 4 mm in radius."""
        start = np.array((sign * 18.0, 6.0, 6.0)) * self.size
        end = np.array((sign * 88.0, self.random.uniform(-40, 44), self.random.uniform(-55, 72))) * self.size
        radius = self.random.uniform(2.5, 4.0)
        along = end - start
        share = (
            (self.x - start[0]) * along[0] + (self.y - start[1]) * along[1] + (self.z - start[2]) * along[2]
        ) / np.dot(along, along)
        share = np.clip(share, 0.0, 1.0)
        squared = sum((axis - (start[i] + share * along[i])) ** 2 for i, axis in enumerate((self.x, self.y, self.z)))
        inside: Mask = squared <= radius**2
        return inside

    def _blob(self, lung: Mask, volume: Volume) -> Mask:
        """A dented ball of 8 to 14 mm radius, most of it in `lung`; drawn into `volume` within that lung."""
        candidates = np.argwhere(lung)
        radius = float(self.random.uniform(8.0, 14.0))
        while True:
            ball = self._ball(candidates[int(self.random.integers(len(candidates)))], radius)
            blob: Mask = ball & lung
            if blob.sum() >= 0.7 * ball.sum():
                break
        volume[blob] = NODULE + self.random.normal(0.0, 8.0)
        return blob

    def _ball(self, centre: NDArray[np.intp], radius: float) -> Mask:
        """A dented ball about the voxel `centre`."""
        k, j, i = centre
        dx, dy, dz = self.x - self.x[0, 0, i], self.y - self.y[0, j, 0], self.z - self.z[k, 0, 0]
        phase = self.random.uniform(0, 2 * np.pi, 2)
        dents = 1.0 + 0.12 * np.sin(dx / 4.0 + phase[0]) * np.cos(dy / 4.0 + dz / 5.0 + phase[1])
        inside: Mask = np.sqrt(dx**2 + dy**2 + dz**2) <= radius * dents
        return inside


def _blur(volume: Volume) -> Volume:
    """The scanner's point spread: (1, 4, 1) / 6 along each axis."""
    for axis in range(3):
        before, after = (np.roll(volume, step, axis) for step in (1, -1))
        volume = (before + 4.0 * volume + after) / 6.0
    return volume.astype(np.float32)
