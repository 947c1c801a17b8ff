"""A series as a volume: gated, in Hounsfield units, in canonical order, on the spec's grid."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset

from ml.errors import SeriesError
from ml.preprocessing.geometry import OrderedSeries, gate
from ml.preprocessing.grid import Grid, canonical, with_spacing
from ml.preprocessing.resample import resample
from ml.preprocessing.slices import HUArray, Slice, as_slice, hounsfield
from ml.preprocessing.spec import Spec

SET_ASIDE = frozenset({"localizer", "derived", "no-image"})
"""Kinds of instance that may share a series with its slices; they are left out by name, never silently."""


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """Hounsfield units on a grid in canonical order, and the slices that they came from.

    Attributes:
        hounsfield: int16, shape `grid.shape`: to the head, to the back, to the patient's left.
        grid: Where these voxels lie.
        source: Where voxel `(slice, row, column)` of the series lies.
        sop_instance_uids: The series' slices in the order of `source`.
        spec_digest: The spec that made the volume.
    """

    hounsfield: HUArray
    grid: Grid
    source: Grid
    sop_instance_uids: tuple[str, ...]
    frame_of_reference_uid: str
    spec_digest: str


@dataclass(frozen=True, slots=True)
class SeriesVolume:
    """A volume and what was left out of it: reason code of each instance set aside, and how often."""

    volume: Volume
    set_aside: dict[str, int]


def volume_of(datasets: Iterable[Dataset], spec: Spec) -> SeriesVolume:
    """Turn the instances of one series into a volume.

    Args:
        datasets: In any order; localizers and derived images among them are set aside and counted.
        spec: The transformation.

    Raises:
        SeriesError: The series is not a proven regular volume; the reason code says why.
    """
    try:
        slices, set_aside = _sort_out(datasets, spec.modality)
        series = gate(slices, spec.minimum_slices)
        pixels = np.stack([hounsfield(image.pixels) for image in series.slices])
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        # pydicom reads values lazily: one that its VR does not allow shows only where it is used.
        raise SeriesError("malformed", "an attribute has a value that the standard does not allow") from error
    return SeriesVolume(_on_spec_grid(series, pixels, spec), set_aside)


def _sort_out(datasets: Iterable[Dataset], modality: str) -> tuple[list[Slice], dict[str, int]]:
    """Slices, and the count of each kind set aside; raises when nothing but those is left."""
    slices: list[Slice] = []
    set_aside: dict[str, int] = {}
    for dataset in datasets:
        try:
            slices.append(as_slice(dataset, modality))
        except SeriesError as rejection:
            if rejection.reason not in SET_ASIDE:
                raise
            set_aside[rejection.reason] = set_aside.get(rejection.reason, 0) + 1
    if not slices:
        raise SeriesError(min(set_aside, default="no-image"), "no instance of the series is an original slice")
    return slices, set_aside


def _on_spec_grid(series: OrderedSeries, pixels: HUArray, spec: Spec) -> Volume:
    target = canonical(series.grid)
    if spec.spacing_mm is not None:
        target = with_spacing(target, spec.spacing_mm)
    values = np.floor(resample(pixels, series.grid, target) + 0.5).astype(np.int16)
    return Volume(
        hounsfield=values,
        grid=target,
        source=series.grid,
        sop_instance_uids=series.sop_instance_uids,
        frame_of_reference_uid=series.slices[0].frame_of_reference_uid,
        spec_digest=spec.digest,
    )
