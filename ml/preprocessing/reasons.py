"""Why a series or an annotation was turned away: every code and what it means."""

from typing import Final

SERIES_REASONS: Final[dict[str, str]] = {
    "no-image": "no instance of the series is an image slice",
    "modality": "the spec is for another modality",
    "multi-frame": "enhanced multi-frame objects are not read yet",
    "localizer": "only localizers",
    "derived": "only derived or secondary images",
    "photometric": "pixels are neither MONOCHROME1 nor MONOCHROME2",
    "no-geometry": "position, orientation or spacing is missing or not finite",
    "malformed": "an attribute has a value that the standard does not allow",
    "undecodable": "the pixel data cannot be decoded",
    "range": "rescaled values do not fit 16 bits",
    "mixed-series": "more than one SeriesInstanceUID",
    "mixed-frame-of-reference": "more than one FrameOfReferenceUID",
    "mixed-orientation": "slices are not parallel (ImageOrientationPatient differs by more than 1e-4)",
    "mixed-spacing": "slices differ in PixelSpacing",
    "mixed-size": "slices differ in Rows or Columns",
    "not-orthonormal": "row and column directions are not orthonormal",
    "too-few-slices": "fewer slices than the spec asks for",
    "duplicate-instance": "one SOPInstanceUID occurs twice",
    "duplicate-position": "two slices at the same position",
    "gap": "slice distances differ by 1 % or more: a slice is missing or misplaced",
    "gantry-tilt": "slices step more than 0.5 degrees away from their normal",
    "oblique": "the axes of the series are too far from the patient's to be put in canonical order",
}

LABEL_REASONS: Final[dict[str, str]] = {
    "not-a-segmentation": "the annotation is not a binary Segmentation object",
    "label-unreferenced": "the annotation references no instance of a prepared series",
    "label-dangling": "a frame references an instance that is not in the series",
    "label-geometry": "a frame lies elsewhere in the patient than the instance that it references",
    "label-size": "the annotation's rows, columns or spacing are not those of the series",
}
