"""A DICOM SEG as a mask over a volume's source grid, joined by references and proven by geometry.

Each frame names the instance it was drawn on (Derivation Image > Source Image, PS3.3 C.8.20.2); that instance's place
in the volume is the frame's place. Order and number of frames mean nothing: empty frames are often left out. A frame
must also lie where that instance lies in the patient, or the annotation is rejected.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from pydicom import Dataset
from pydicom.uid import UID

from ml.errors import LabelError
from ml.preprocessing.volume import Volume

Mask = npt.NDArray[np.bool_]

SEGMENTATION_STORAGE = UID("1.2.840.10008.5.1.4.1.1.66.4")
POSITION_TOLERANCE_MM = 0.05


def mask_of(segmentation: Dataset, volume: Volume) -> Mask:
    """Lay all segments of a binary SEG over the slices of a volume.

    Args:
        segmentation: The SEG with its pixels.
        volume: The volume of the series that it references.

    Returns:
        Shape `volume.source.shape`, True where any segment is.

    Raises:
        LabelError: Not a binary SEG, other size or spacing, a reference that leads nowhere, or a frame that lies
            elsewhere in the patient than the instance it references.
    """
    frames = _frames(segmentation)
    if frames.shape[1:] != volume.source.shape[1:]:
        raise LabelError("label-size", "the annotation has other rows and columns than the series")
    if str(segmentation.get("FrameOfReferenceUID", "")) != volume.frame_of_reference_uid:
        raise LabelError("label-geometry", "the annotation is in another frame of reference")
    places = {uid: index for index, uid in enumerate(volume.sop_instance_uids)}
    mask = np.zeros(volume.source.shape, dtype=bool)
    shared = _first(segmentation, "SharedFunctionalGroupsSequence")
    for frame, group in zip(frames, _groups(segmentation, len(frames)), strict=True):
        index = _place(group, shared, places)
        _check_geometry(group, shared, volume, index)
        mask[index] |= frame
    return mask


def referenced_instances(segmentation: Dataset) -> frozenset[str]:
    """SOP Instance UIDs that the frames of a SEG were drawn on."""
    shared = _first(segmentation, "SharedFunctionalGroupsSequence")
    groups = segmentation.get("PerFrameFunctionalGroupsSequence") or []
    return frozenset(uid for group in groups for uid in _sources(group, shared))


def _frames(segmentation: Dataset) -> Mask:
    """Pixels of a binary SEG, shape `(frames, rows, columns)`."""
    kind = segmentation.get("SegmentationType")
    if segmentation.get("SOPClassUID") != SEGMENTATION_STORAGE or kind != "BINARY":
        raise LabelError("not-a-segmentation", "the annotation is not a binary SEG")
    try:
        pixels = np.asarray(segmentation.pixel_array)
    except Exception as error:
        raise LabelError("not-a-segmentation", "the pixels of the annotation cannot be decoded") from error
    frames: Mask = (pixels if pixels.ndim == 3 else pixels[None]) > 0
    return frames


def _groups(segmentation: Dataset, count: int) -> Sequence[Dataset]:
    groups: Sequence[Dataset] = segmentation.get("PerFrameFunctionalGroupsSequence") or []
    if len(groups) != count:
        raise LabelError("not-a-segmentation", "the annotation does not describe each of its frames")
    return groups


def _place(group: Dataset, shared: Dataset, places: dict[str, int]) -> int:
    """Index of the one slice that a frame was drawn on."""
    uids = _sources(group, shared)
    if not uids:
        raise LabelError("label-unreferenced", "a frame does not say which instance it was drawn on")
    found = {places[uid] for uid in uids if uid in places}
    if len(found) != 1:
        raise LabelError("label-dangling", "a frame does not reference exactly one instance of the series")
    return found.pop()


def _sources(group: Dataset, shared: Dataset) -> list[str]:
    derivations = group.get("DerivationImageSequence") or shared.get("DerivationImageSequence") or []
    return [
        str(source.ReferencedSOPInstanceUID)
        for derivation in derivations
        for source in derivation.get("SourceImageSequence") or []
        if "ReferencedSOPInstanceUID" in source
    ]


def _check_geometry(group: Dataset, shared: Dataset, volume: Volume, index: int) -> None:
    """The frame's first pixel, and one step along its rows and columns, must lie where the slice has them."""
    try:
        position = _geometry(group, shared, "PlanePositionSequence", "ImagePositionPatient")
        orientation = _geometry(group, shared, "PlaneOrientationSequence", "ImageOrientationPatient").reshape(2, 3)
        spacing = _geometry(group, shared, "PixelMeasuresSequence", "PixelSpacing")
    except (AttributeError, TypeError, ValueError) as error:
        raise LabelError("label-geometry", "a frame does not say where it lies") from error
    to_lps = np.array([-1.0, -1.0, 1.0])
    affine = volume.source.affine
    expected = (affine @ [index, 0, 0, 1])[:3] * to_lps
    rows, columns = affine[:3, 1] * to_lps, affine[:3, 2] * to_lps
    corner = np.abs(position - expected).max()
    far = np.array(volume.source.shape[1:]) - 1
    down = np.abs(orientation[1] * spacing[0] - rows).max() * far[0]
    along = np.abs(orientation[0] * spacing[1] - columns).max() * far[1]
    if max(corner, down, along) > POSITION_TOLERANCE_MM:
        raise LabelError("label-geometry", "a frame lies elsewhere than the instance that it references")


def _geometry(group: Dataset, shared: Dataset, sequence: str, keyword: str) -> npt.NDArray[np.float64]:
    item = _first(group, sequence) if group.get(sequence) else _first(shared, sequence)
    return np.array([float(number) for number in item[keyword].value])


def _first(dataset: Dataset, sequence: str) -> Dataset:
    """The first item of a sequence, or an empty data set."""
    items: Sequence[Dataset] = dataset.get(sequence) or []
    return items[0] if items else Dataset()
