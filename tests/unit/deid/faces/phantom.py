"""Heads that nobody has: ellipsoids of brain, bone, soft tissue and a face, in CT and MR, sampled along any planes.

Sizes are an adult's, in mm along L, P and S from the middle of the brain; all values are made up.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.standard.corpus import ct, encoded, mr

AIR, BRAIN, BONE, SOFT, EYE, NOSE, MOUTH, CHIN, EAR = range(9)
HU = np.array([-1000, 35, 900, 40, 15, 30, 35, 40, 20])
SIGNAL = np.array([0, 700, 30, 450, 900, 420, 480, 430, 400])
AXES = {
    "axial": ((1, 0, 0), (0, 1, 0)),
    "sagittal": ((0, 1, 0), (0, 0, -1)),
    "coronal": ((1, 0, 0), (0, 0, -1)),
    "feet first axial": ((1, 0, 0), (0, 1, 0)),
    "oblique": ((0.98, 0.17, 0.1), (-0.17, 0.985, 0.0)),
}


def turned(yaw=0.0, pitch=0.0, roll=0.0):
    """A rotation of the head about S, L and P, in degrees."""
    a, b, c = np.radians((yaw, pitch, roll))
    about_s = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_l = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    about_p = np.array([[np.cos(c), 0, np.sin(c)], [0, 1, 0], [-np.sin(c), 0, np.cos(c)]])
    return about_s @ about_l @ about_p


def head(left, posterior, up):
    """The label at each place."""

    def ball(centre, axes):
        return sum(((at - c) / a) ** 2 for at, c, a in zip((left, posterior, up), centre, axes, strict=True)) < 1

    def mirrored(centre, axes):
        return ball(centre, axes) | ball((-centre[0], *centre[1:]), axes)

    def tube(behind, radius):
        return left**2 + (posterior - behind) ** 2 < radius**2

    cerebellum = ((0, 42, -42), (48, 34, 30))
    brain = ball((0, 0, 0), (66, 82, 58)) | ball(*cerebellum)
    skull = ball((0, 0, 0), (73, 89, 65)) | ball(cerebellum[0], (54, 40, 36))
    scalp = ball((0, 0, 0), (79, 95, 71)) | ball(cerebellum[0], (64, 50, 44))
    face = ball((0, -52, -75), (62, 50, 66))
    jaw = ball((0, -52, -75), (50, 40, 56)) & ~ball((0, -52, -75), (45, 35, 51))
    neck = tube(20, 55) & (up < -55)
    spine = tube(32, 20) & (up < -70)
    canal = tube(32, 9) & (up < -55)
    label = np.full(np.broadcast_shapes(left.shape, posterior.shape, up.shape), AIR, np.int8)
    label[scalp | face | neck] = SOFT
    label[mirrored((86, 8, -38), (13, 18, 30)) & (label == AIR)] = EAR
    label[ball((0, -112, -62), (13, 20, 22)) & (label == AIR)] = NOSE
    label[ball((0, -101, -96), (24, 8, 8))] = MOUTH
    label[ball((0, -90, -126), (24, 18, 16))] = CHIN
    label[jaw] = BONE
    label[skull | spine] = BONE
    label[mirrored((32, -82, -50), (12, 12, 12))] = EYE
    label[brain] = BRAIN
    label[canal & ~brain] = SOFT
    label[tube(-20, 9) & (up < -75)] = AIR
    return label


def chest(left, posterior, up):
    """A trunk with ribs and lungs, and no head."""
    trunk = (left / 160) ** 2 + (posterior / 105) ** 2
    label = np.where(trunk < 1, SOFT, AIR).astype(np.int8) + np.zeros_like(up, np.int8)
    label[(trunk < 0.86) & (trunk > 0.8) & (np.mod(up, 24) < 12)] = BONE
    label[(((np.abs(left) - 75) / 50) ** 2 + (posterior / 65) ** 2 < 1) & (up < 60)] = AIR
    label[left**2 + (posterior - 75) ** 2 < 20**2] = BONE
    return label


@dataclass
class Scan:
    """How a phantom is scanned: `extent` are the low and high ends of L, P and S in mm."""

    modality: str = "CT"
    orientation: str = "axial"
    spacing: tuple[float, float, float] = (4.0, 3.0, 3.0)
    extent: tuple = ((-105, 105), (-145, 120), (-150, 90))
    turn: np.ndarray = field(default_factory=turned)
    shape: object = head
    away: tuple[float, float, float] = (12.0, -160.0, 730.0)
    noise: float = 15.0
    size: float = 1.0

    def planes(self):
        """(position, along row, along column, label of each pixel) of each slice."""
        row, column = (np.array(axis, float) / np.linalg.norm(axis) for axis in AXES[self.orientation])
        normal = np.cross(row, column)
        low, high = np.array(self.extent, float).T
        corners = np.array([[a, b, c] for a in (low[0], high[0]) for b in (low[1], high[1]) for c in (low[2], high[2])])
        spans = (
            [(corners @ axis).min() for axis in (normal, column, row)],
            [(corners @ axis).max() for axis in (normal, column, row)],
        )
        count = [int((b - a) / size) + 1 for a, b, size in zip(*spans, self.spacing, strict=True)]
        down, across = np.arange(count[1])[:, None] * self.spacing[1], np.arange(count[2])[None] * self.spacing[2]
        for number in range(count[0]):
            start = spans[0][0] + number * self.spacing[0]
            first = normal * start + column * spans[0][1] + row * spans[0][2]
            places = first[:, None, None] + column[:, None, None] * down + row[:, None, None] * across
            own = np.einsum("ij,jrc->irc", self.turn.T, places) / self.size
            yield first + self.away, row, column, self.shape(*own)

    def datasets(self):
        """The instances, and beside each its labels."""
        chance = np.random.default_rng(5)
        for number, (position, row, column, label) in enumerate(self.planes()):
            made = ct(number + 1) if self.modality == "CT" else mr(number + 1)
            made.ImageOrientationPatient = [round(float(x), 6) for x in (*row, *column)]
            made.ImagePositionPatient = [round(float(x), 4) for x in position]
            made.PixelSpacing = list(self.spacing[1:])
            made.PatientPosition = "FFS" if self.orientation.startswith("feet") else "HFS"
            made.Rows, made.Columns = label.shape
            noise = chance.normal(0, self.noise, label.shape)
            if self.modality == "CT":
                made.RescaleSlope, made.RescaleIntercept = 1, -1024
                made.PixelRepresentation = 0
                values = np.clip(HU[label] + noise + 1024, 0, 4095)
            else:
                values = np.abs(SIGNAL[label] + noise)
                for keyword in ("RescaleSlope", "RescaleIntercept"):
                    if keyword in made:
                        delattr(made, keyword)
            made.BitsAllocated, made.BitsStored, made.HighBit = 16, 12, 11
            made.PixelData = values.astype("<u2").tobytes()
            yield made, label

    def write(self, folder: Path, syntax: str = "explicit", change=None):
        """The files in a folder, in no order of position, and the labels by file."""
        folder.mkdir(parents=True, exist_ok=True)
        labels = {}
        for number, (made, label) in enumerate(self.datasets()):
            if change and change(made, number) is False:
                continue
            file = folder / f"{(number * 37) % 1009:04d}.dcm"
            file.write_bytes(encoded(made, syntax))
            labels[file] = label
        return labels


def kept(labels, outcome):
    """Of each label, the share of voxels whose stored value is still the original's."""
    from pydicom import dcmread

    same, all_ = np.zeros(9), np.zeros(9)
    for file, label in labels.items():
        before, after = dcmread(file).pixel_array, dcmread(outcome.written[file]).pixel_array
        same += np.bincount(label.ravel(), (before == after).ravel(), minlength=9)
        all_ += np.bincount(label.ravel(), minlength=9)
    return same / np.maximum(all_, 1)
