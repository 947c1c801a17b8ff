"""A mask as DICOM SEG (PS3.3 A.51) that references its source instances.

Patient, study and frame of reference are those of the pseudonymous source; series and SOP Instance UIDs are new, but
the same for the same handoff and series, so a repeated run makes the same object. No date is today's: the dates of the
source are shifted, and the day of the run beside them would tell by how much.
"""

import hashlib
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from io import BytesIO
from uuid import UUID

import highdicom as hd
import numpy as np
from highdicom.sr import CodedConcept
from pydicom import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from ml.preprocessing.labels import Mask

ALTERED_STRUCTURE = CodedConcept("49755003", "SCT", "Morphologically Abnormal Structure")
LESION = CodedConcept("52988006", "SCT", "Lesion")
ARTIFICIAL_INTELLIGENCE = CodedConcept("123110", "DCM", "Artificial Intelligence")

TYPE_2_OF_SOURCE = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate",
    "StudyTime", "ReferringPhysicianName",
)  # fmt: skip
"""Patient and study attributes that must be there but may be empty (PS3.3 C.7.1.1, C.7.2.1)."""


def segmentation_of(mask: Mask, sources: Sequence[Dataset], key: str, algorithm: str) -> Dataset:
    """Make the SEG of one series.

    Args:
        mask: Shape `(slices, rows, columns)`.
        sources: The instances of the slices, in that order.
        key: What makes the new UIDs: the handoff's key.
        algorithm: Name of the model.

    Returns:
        A binary SEG with one segment; empty frames are left out unless all are empty.
    """
    with warnings.catch_warnings():
        # A pseudonym is a name of one component, which highdicom takes for a mistake.
        warnings.filterwarnings("ignore", message="The string .* is unlikely to represent", category=UserWarning)
        segmentation = _encode(mask, sources, key, algorithm)
    _forget_today(segmentation, sources[0])
    _settle_dimensions(segmentation, derived_uid(key, str(sources[0].SeriesInstanceUID), "dimensions"))
    return segmentation


def _encode(mask: Mask, sources: Sequence[Dataset], key: str, algorithm: str) -> Dataset:
    """Let highdicom put the object together."""
    series = str(sources[0].SeriesInstanceUID)
    segment = hd.seg.SegmentDescription(
        segment_number=1,
        segment_label="Lesion",
        segmented_property_category=ALTERED_STRUCTURE,
        segmented_property_type=LESION,
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=algorithm, family=ARTIFICIAL_INTELLIGENCE, version=key[:16]
        ),
    )
    segmentation: Dataset = hd.seg.Segmentation(
        source_images=[_complete(source) for source in sources],
        pixel_array=mask.astype(np.uint8),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[segment],
        series_instance_uid=derived_uid(key, series, "series"),
        series_number=900,
        sop_instance_uid=derived_uid(key, series, "instance"),
        instance_number=1,
        manufacturer="Sluice",
        manufacturer_model_name="ml",
        software_versions=version("dicom-sluice"),
        device_serial_number="0",
        content_label="LESION",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        omit_empty_frames=bool(mask.any()),
    )
    return segmentation


def derived_uid(key: str, series: str, what: str) -> str:
    """A UID under 2.25 (PS3.5 B.2) that is the same for the same handoff, series and purpose."""
    digest = hashlib.sha256(f"sluice.uid/1\n{key}\n{series}\n{what}".encode()).digest()
    return f"2.25.{UUID(bytes=digest[:16], version=4).int}"


def part10_bytes(dataset: Dataset) -> bytes:
    """The whole file."""
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def _complete(source: Dataset) -> Dataset:
    """The source with empty values where de-identification removed what the standard wants present."""
    for keyword in TYPE_2_OF_SOURCE:
        if keyword not in source:
            setattr(source, keyword, None)
    return source


def _forget_today(segmentation: Dataset, source: Dataset) -> None:
    """Replace the clock's dates and times by those of the source's study, or the epoch where it has none."""
    date, time = source.get("StudyDate") or "19000101", source.get("StudyTime") or "000000"
    for keyword in ("SeriesDate", "ContentDate", "InstanceCreationDate"):
        setattr(segmentation, keyword, date)
    for keyword in ("SeriesTime", "ContentTime", "InstanceCreationTime"):
        setattr(segmentation, keyword, time)
    # Where highdicom names itself, after what the source names; an item of the source may lack the time.
    for equipment in segmentation.get("ContributingEquipmentSequence") or []:
        if "ContributionDateTime" in equipment:
            del equipment.ContributionDateTime


def _settle_dimensions(segmentation: Dataset, uid: str) -> None:
    """Replace the random DimensionOrganizationUID (PS3.3 C.7.6.17) wherever it stands."""
    for item in (*segmentation.DimensionOrganizationSequence, *segmentation.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid
