"""Where one slice or frame lies in the patient, and what its stored values mean (PS3.3 C.7.6.2, C.7.6.16.2)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from processors.deid.burned_in.header import Header
from processors.deid.faces.verdict import SeriesRefusedError, Verdict

Vector = NDArray[np.float64]

_MOST_FRAMES = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """One slice: frame `frame` of a file.

    `position` is the centre of the first pixel, in mm along the patient's axes L, P and S; `along_row` and
    `along_column` are unit vectors towards higher columns and higher rows; `spacing` is (between rows, between columns)
    in mm; a stored value times `slope` plus `intercept` is HU in CT.
    """

    file: Path
    frame: int
    position: Vector
    along_row: Vector
    along_column: Vector
    spacing: tuple[float, float]
    size: tuple[int, int]
    slope: float
    intercept: float


def planes_of(file: Path, header: Header) -> list[Plane]:
    """Every slice of a file.

    Raises:
        SeriesRefusedError: it is a localizer, or a frame does not say where it lies.
    """
    if "LOCALIZER" in (value.upper() for value in header.texts("ImageType")):
        raise SeriesRefusedError(Verdict.LOCALIZER)
    frames = header.number("NumberOfFrames", 1) or 1
    if not 0 < frames <= _MOST_FRAMES:
        raise SeriesRefusedError(Verdict.TOO_LARGE)
    if next(header.items("PerFrameFunctionalGroupsSequence"), None) is None:
        if frames > 1:
            raise SeriesRefusedError(Verdict.GEOMETRY_MISSING)
        return [_plane(file, 0, header, (header,))]
    shared = tuple(header.items("SharedFunctionalGroupsSequence"))[:1]
    each = list(header.items("PerFrameFunctionalGroupsSequence"))
    if len(each) != frames:
        raise SeriesRefusedError(Verdict.GEOMETRY_MISSING)
    return [_plane(file, number, header, tuple(_groups((item, *shared)))) for number, item in enumerate(each)]


_GROUPS = (
    "PlanePositionSequence",
    "PlaneOrientationSequence",
    "PixelMeasuresSequence",
    "PixelValueTransformationSequence",
)


def _groups(items: tuple[Header, ...]) -> Iterator[Header]:
    """The functional groups of a frame; its own come before the shared ones."""
    for item in items:
        for keyword in _GROUPS:
            yield from item.items(keyword)


def _plane(file: Path, frame: int, header: Header, said: tuple[Header, ...]) -> Plane:
    orientation = _numbers(said, "ImageOrientationPatient", 6)
    rows, columns = header.number("Rows", 0) or 0, header.number("Columns", 0) or 0
    down, across = (float(number) for number in _numbers(said, "PixelSpacing", 2))
    along_row, along_column = orientation[:3], orientation[3:]
    lengths = np.array([along_row @ along_row, along_column @ along_column])
    if abs(along_row @ along_column) > 0.01 or np.abs(lengths - 1).max() > 0.02 or min(down, across) <= 0:
        raise SeriesRefusedError(Verdict.GEOMETRY_MISSING)
    if min(rows, columns) < 16 or max(rows, columns) > 4096:
        raise SeriesRefusedError(Verdict.PIXELS_UNSUPPORTED)
    slope = next((found[0] for each in said if (found := each.numbers("RescaleSlope"))), 1.0)
    intercept = next((found[0] for each in said if (found := each.numbers("RescaleIntercept"))), 0.0)
    if not np.isfinite((slope, intercept)).all() or not slope:
        raise SeriesRefusedError(Verdict.PIXELS_UNSUPPORTED)
    return Plane(
        file,
        frame,
        _numbers(said, "ImagePositionPatient", 3),
        along_row,
        along_column,
        (down, across),
        (rows, columns),
        slope,
        intercept,
    )


def _numbers(said: tuple[Header, ...], keyword: str, count: int) -> Vector:
    found = next((numbers for each in said if (numbers := each.numbers(keyword))), ())
    if len(found) != count or not np.isfinite(found).all():
        raise SeriesRefusedError(Verdict.GEOMETRY_MISSING)
    return np.array(found, np.float64)
