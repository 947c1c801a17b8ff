"""One slice: its identity, geometry and pixels, read from the bytes of a Part 10 file."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
from pydicom import Dataset, dcmread
from pydicom.multival import MultiValue

from ml.errors import SeriesError

FloatArray = npt.NDArray[np.float64]
HUArray = npt.NDArray[np.int16]

AIR_HU = -1024
"""What padded pixels become."""

IDENTITY = ("SOPInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """What the geometry gate needs to know of one image, and where its pixels are.

    Attributes:
        position: Centre of the first pixel, mm, patient coordinates (LPS), shape `(3,)`; PS3.3 C.7.6.2.1.1.
        orientation: Direction of a row, then of a column, shape `(2, 3)`.
        spacing: Distance between rows, then between columns, mm.
        pixels: The instance, pixels still encoded.
    """

    sop_instance_uid: str
    series_instance_uid: str
    frame_of_reference_uid: str
    position: FloatArray
    orientation: FloatArray
    spacing: tuple[float, float]
    rows: int
    columns: int
    pixels: Dataset

    @property
    def normal(self) -> FloatArray:
        """Unit vector along which slices are ordered: row direction x column direction."""
        return np.cross(self.orientation[0], self.orientation[1])


def read_dataset(part10: bytes | memoryview) -> Dataset:
    """Parse one Part 10 file.

    Raises:
        SeriesError: (`undecodable`) The bytes are not a DICOM file.
    """
    try:
        return dcmread(BytesIO(part10))
    except Exception as error:
        raise SeriesError("undecodable", "an instance is not a readable DICOM file") from error


def as_slice(dataset: Dataset, modality: str) -> Slice:
    """Check that an instance is an original, single-frame image with a place in the patient.

    Args:
        dataset: One instance.
        modality: The modality that the spec asks for.

    Raises:
        SeriesError: With the code of the first thing that is wrong.
    """
    reject_kind(dataset, modality)
    try:
        position = _numbers(dataset.get("ImagePositionPatient"), 3)
        orientation = _numbers(dataset.get("ImageOrientationPatient"), 6).reshape(2, 3)
        spacing = _numbers(dataset.get("PixelSpacing"), 2)
        instance, series, frame_of_reference = (str(dataset[keyword].value) for keyword in IDENTITY)
        rows, columns = int(dataset.Rows), int(dataset.Columns)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise SeriesError(
            "no-geometry", "an image lacks its position, orientation, spacing or frame of reference"
        ) from error
    if min(spacing) <= 0 or min(rows, columns) < 1:
        raise SeriesError("no-geometry", "an image has no extent")
    distances = (float(spacing[0]), float(spacing[1]))
    return Slice(instance, series, frame_of_reference, position, orientation, distances, rows, columns, dataset)


def reject_kind(dataset: Dataset, modality: str) -> None:
    """Turn away what is no original slice of the wanted modality.

    Raises:
        SeriesError: no-image, modality, multi-frame, localizer, derived or photometric.
    """
    image_type = _words(dataset.get("ImageType"))
    if "Rows" not in dataset or "PixelData" not in dataset:
        raise SeriesError("no-image", "an instance has no pixels")
    if dataset.get("Modality") != modality:
        raise SeriesError("modality", f"the spec is for {modality}")
    if int(dataset.get("NumberOfFrames") or 1) > 1 or "PerFrameFunctionalGroupsSequence" in dataset:
        raise SeriesError("multi-frame", "an instance holds several frames")
    if "LOCALIZER" in image_type:
        raise SeriesError("localizer", "an image is a localizer")
    if image_type[:1] == ["DERIVED"] or image_type[1:2] == ["SECONDARY"]:
        raise SeriesError("derived", "an image is derived or secondary")
    if dataset.get("PhotometricInterpretation") not in {"MONOCHROME1", "MONOCHROME2"}:
        raise SeriesError("photometric", "an image is not monochrome")


def hounsfield(dataset: Dataset) -> HUArray:
    """Decode one slice to modality values (Hounsfield units for CT), shape `(rows, columns)`.

    Each slice has its own rescale (in PET it varies); signed and unsigned pixels are told apart by
    PixelRepresentation; padding becomes air. MONOCHROME1 only reverses the *display* (PS3.3 C.7.6.3.1.2), so a
    rescaled value needs no reversal, but a slice without rescale that is MONOCHROME1 is turned round within its bits.

    Raises:
        SeriesError: undecodable or range.
    """
    try:
        stored = np.asarray(dataset.pixel_array)
    except Exception as error:
        raise SeriesError("undecodable", "the pixels of an image cannot be decoded") from error
    if stored.ndim != 2:
        raise SeriesError("undecodable", "the pixels of an image are not one plane")
    padding = _padding(dataset, stored)
    values = stored.astype(np.float64)
    if dataset.get("PhotometricInterpretation") == "MONOCHROME1" and dataset.get("RescaleSlope") is None:
        values = _reversed_within_bits(dataset, values)
    values = values * _number(dataset, "RescaleSlope", 1) + _number(dataset, "RescaleIntercept", 0)
    values = np.floor(values + 0.5)
    values[padding] = AIR_HU
    if values.min() < -32768 or values.max() > 32767:
        raise SeriesError("range", "rescaled values do not fit 16 bits")
    return values.astype(np.int16)


def _padding(dataset: Dataset, stored: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Where pixels are padding (PS3.3 C.7.5.1.1.2); a value or a range, in stored units."""
    if dataset.get("PixelPaddingValue") is None:
        return np.zeros(stored.shape, dtype=bool)
    bits = 16 if dataset.get("BitsAllocated", 16) > 8 else 8
    signed = dataset.get("PixelRepresentation", 0) == 1
    # The element's VR may disagree with PixelRepresentation: compare bit patterns as the pixels read them.
    first = int(dataset.PixelPaddingValue)
    limits = [first, int(_number(dataset, "PixelPaddingRangeLimit", first))]
    limits = [(limit + (1 << bits)) % (1 << bits) for limit in limits]
    if signed:
        limits = [limit - (1 << bits) if limit >= 1 << (bits - 1) else limit for limit in limits]
    numbers = stored.astype(np.int64)
    return (numbers >= min(limits)) & (numbers <= max(limits))


def _reversed_within_bits(dataset: Dataset, values: FloatArray) -> FloatArray:
    """Turn MONOCHROME1 stored values round, so that larger means brighter."""
    bits = int(dataset.get("BitsStored", 16))
    span = -1 if dataset.get("PixelRepresentation", 0) == 1 else (1 << bits) - 1
    return span - values


def _number(dataset: Dataset, keyword: str, default: float) -> float:
    """A number that may be absent or empty."""
    value = dataset.get(keyword)
    return default if value is None or value == "" else float(value)


def _numbers(value: object, count: int) -> FloatArray:
    """A multi-valued decimal string as an array; raises ValueError unless it is `count` finite numbers."""
    if not isinstance(value, MultiValue | list) or len(value) != count:
        raise ValueError("wrong multiplicity")
    numbers = np.array([float(item) for item in value], dtype=np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError("not finite")
    return numbers


def _words(value: object) -> list[str]:
    """ImageType as upper-case words; it may be absent, single or many."""
    if value is None:
        return []
    return (
        [str(word).strip().upper() for word in value] if isinstance(value, MultiValue | list) else [str(value).upper()]
    )
