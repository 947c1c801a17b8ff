"""The geometry gate: slices in their order in space, or a typed rejection.

The order comes from the projection of ImagePositionPatient on the slice normal, never from InstanceNumber or file
order: both are wrong on series that scanners and archives really send. What the gate cannot prove, it rejects; no
reader after it may guess.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml.errors import SeriesError
from ml.preprocessing.grid import Grid
from ml.preprocessing.slices import FloatArray, Slice

ORIENTATION_TOLERANCE = 1e-4
SPACING_TOLERANCE_MM = 1e-4
SAME_POSITION_MM = 1e-3
GAP_FRACTION = 0.01
"""A distance that differs from the median by this part or more is a gap."""
TILT_DEGREES = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class OrderedSeries:
    """Slices that passed the gate, in the order of their position along the normal.

    Attributes:
        slices: Ordered by increasing projection on the normal.
        grid: Where voxel `(slice, row, column)` lies in the patient.
    """

    slices: tuple[Slice, ...]
    grid: Grid

    @property
    def sop_instance_uids(self) -> tuple[str, ...]:
        """SOP Instance UIDs in slice order."""
        return tuple(image.sop_instance_uid for image in self.slices)


def gate(slices: Sequence[Slice], minimum: int = 3) -> OrderedSeries:
    """Order the slices of one series in space and prove that they form a regular volume.

    Steps: 1 one series, frame of reference, size and spacing; 2 parallel, orthonormal; 3 order by position;
    4 no duplicates; 5 no gaps; 6 no tilt.

    Raises:
        SeriesError: With the reason code of the first step that failed.
    """
    if not slices:
        raise SeriesError("no-image", "the series has no image")
    _check_alike(slices)  # 1
    _check_parallel(slices)  # 2
    normal = slices[0].normal
    projections = np.array([image.position @ normal for image in slices])
    order = np.argsort(projections, kind="stable")  # 3
    ordered = tuple(slices[index] for index in order)
    _check_duplicates(ordered, projections[order])  # 4
    if len(ordered) < max(minimum, 2):
        raise SeriesError("too-few-slices", f"{len(ordered)} slices; the spec asks for {max(minimum, 2)}")
    _check_gaps(projections[order])  # 5
    step = (ordered[-1].position - ordered[0].position) / (len(ordered) - 1)
    _check_tilt(ordered, step, normal)  # 6
    return OrderedSeries(ordered, _grid(ordered, step))


def _check_alike(slices: Sequence[Slice]) -> None:
    first = slices[0]
    if len({image.series_instance_uid for image in slices}) > 1:
        raise SeriesError("mixed-series", "slices of several series")
    if len({image.frame_of_reference_uid for image in slices}) > 1:
        raise SeriesError("mixed-frame-of-reference", "slices in several frames of reference")
    if len({(image.rows, image.columns) for image in slices}) > 1:
        raise SeriesError("mixed-size", "slices of several sizes")
    spacings = np.array([image.spacing for image in slices])
    if np.abs(spacings - first.spacing).max() > SPACING_TOLERANCE_MM:
        raise SeriesError("mixed-spacing", "slices of several pixel spacings")


def _check_parallel(slices: Sequence[Slice]) -> None:
    orientations = np.array([image.orientation for image in slices])
    if np.abs(orientations - slices[0].orientation).max() > ORIENTATION_TOLERANCE:
        raise SeriesError("mixed-orientation", "slices are not parallel")
    gram = slices[0].orientation @ slices[0].orientation.T
    if np.abs(gram - np.eye(2)).max() > 1e-3:
        raise SeriesError("not-orthonormal", "row and column directions are not orthonormal")


def _check_duplicates(ordered: Sequence[Slice], projections: FloatArray) -> None:
    if len({image.sop_instance_uid for image in ordered}) < len(ordered):
        raise SeriesError("duplicate-instance", "one instance occurs twice")
    if len(ordered) > 1 and np.diff(projections).min() < SAME_POSITION_MM:
        raise SeriesError("duplicate-position", "two slices lie at the same position")


def _check_gaps(projections: FloatArray) -> None:
    distances = np.diff(projections)
    median = float(np.median(distances))
    if np.abs(distances - median).max() >= GAP_FRACTION * median:
        raise SeriesError("gap", "slice distances differ by 1 % or more")


def _check_tilt(ordered: Sequence[Slice], step: FloatArray, normal: FloatArray) -> None:
    """Every single step must follow the normal: a tilted gantry shifts slices sideways as it goes."""
    positions = np.array([image.position for image in ordered])
    for one in (*np.diff(positions, axis=0), step):
        cosine = float(one @ normal) / (float(np.linalg.norm(one)) * float(np.linalg.norm(normal)))
        if np.degrees(np.arccos(np.clip(cosine, -1, 1))) > TILT_DEGREES:
            raise SeriesError("gantry-tilt", "slices step away from their normal")


def _grid(ordered: Sequence[Slice], step: FloatArray) -> Grid:
    """Columns of the affine: one slice on, one row on, one column on; DICOM's LPS turned to RAS."""
    first = ordered[0]
    row_spacing, column_spacing = first.spacing
    affine = np.eye(4)
    affine[:3, 0] = step
    affine[:3, 1] = first.orientation[1] * row_spacing
    affine[:3, 2] = first.orientation[0] * column_spacing
    affine[:3, 3] = first.position
    affine[:2] *= -1
    return Grid((len(ordered), first.rows, first.columns), affine)
