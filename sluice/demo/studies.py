"""The phantom's studies as a hospital would store them: CT slices with full headers, and ground truth as DICOM SEG."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, RLELossless

from sluice.demo.people import ACCESSION, PEOPLE, SCANNERS, UID_ROOT, Person, Scanner
from sluice.demo.phantom import TRAINING_SEEDS, UNSEEN_SEEDS, Phantom, phantom_patient

INTERCEPT = -1024
"""Rescale Intercept: stored values are HU + 1024 (PS3.3 C.11.1)."""

SHUFFLED_SEED = 103
"""The study whose slices carry shuffled Instance Numbers and file names: order is a matter of position alone."""


@dataclass(frozen=True, slots=True)
class Study:
    """One study on disk.

    Attributes:
        files: in the order in which the scanner sends them; the annotation, if any, is last.
        instance_uids: SOP Instance UIDs of the slices, lowest slice first.
    """

    seed: int
    study_uid: str
    series_uid: str
    calling_ae: str
    annotated: bool
    files: tuple[Path, ...]
    instance_uids: tuple[str, ...]
    phantom: Phantom


def person_of(seed: int) -> Person:
    """The patient of a study; the last two annotated studies are one patient's."""
    if seed in UNSEEN_SEEDS:
        return PEOPLE[9 + UNSEEN_SEEDS.index(seed)]
    return PEOPLE[min(TRAINING_SEEDS.index(seed), 8)]


def scanner_of(seed: int) -> Scanner:
    """The scanner of a study; training and unseen patients come from all three."""
    return SCANNERS[seed % 3]


def write_study(folder: Path, seed: int) -> Study:
    """Write one study into `folder`: 48 CT slices and, for annotated patients, one SEG of the same study."""
    folder.mkdir(parents=True, exist_ok=True)
    phantom = phantom_patient(seed)
    slices = [_slice(seed, phantom, index) for index in range(len(phantom.volume))]
    order = _sending_order(seed, len(slices))
    for number, index in enumerate(order, 1):
        slices[index].InstanceNumber = number
    files = []
    for number, index in enumerate(order, 1):
        files.append(folder / f"IM{number:04d}")
        _write(slices[index], files[-1], scanner_of(seed).transfer_syntax)
    annotated = seed in TRAINING_SEEDS
    if annotated:
        files.append(folder / "SEG0001")
        _segmentation(slices, phantom, seed).save_as(files[-1], enforce_file_format=True)
    first = slices[0]
    uids = tuple(str(ds.SOPInstanceUID) for ds in slices)
    study, series, caller = str(first.StudyInstanceUID), str(first.SeriesInstanceUID), scanner_of(seed).calling_ae
    return Study(seed, study, series, caller, annotated, tuple(files), uids, phantom)


def _sending_order(seed: int, count: int) -> Sequence[int]:
    """Slice indices in the order of their Instance Numbers: head first, but for one scanner that shuffles."""
    if seed == SHUFFLED_SEED:
        return [int(index) for index in np.random.default_rng(seed).permutation(count)]
    return range(count - 1, -1, -1)


def _write(dataset: Dataset, file: Path, transfer_syntax: str) -> None:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.SourceApplicationEntityTitle = scanner_of_station(dataset.StationName).calling_ae
    if transfer_syntax == RLELossless:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    else:
        dataset.file_meta.TransferSyntaxUID = UID(transfer_syntax)
    dataset.save_as(file, enforce_file_format=True)


def scanner_of_station(station: str) -> Scanner:
    """The scanner with this Station Name."""
    return next(scanner for scanner in SCANNERS if scanner.station == station)


def _slice(seed: int, phantom: Phantom, index: int) -> Dataset:
    """One CT Image (PS3.3 A.3): who and where, then how, then the pixels."""
    ds = Dataset()
    scanner, person = scanner_of(seed), person_of(seed)
    ds.SpecificCharacterSet = scanner.character_set
    ds.SOPClassUID = CTImageStorage
    ds.SOPInstanceUID = f"{UID_ROOT}.{seed}.3.{index + 1}"
    _describe_patient(ds, person)
    _describe_study(ds, seed, scanner, person)
    _describe_scanner(ds, scanner)
    _describe_geometry(ds, phantom, index)
    _add_private(ds, scanner, person)
    ds.BurnedInAnnotation = "NO"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = phantom.volume.shape[1:]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = str(INTERCEPT), "1", "HU"
    ds.WindowCenter, ds.WindowWidth = "-300", "1400"
    ds.PixelData = (phantom.volume[index] - INTERCEPT).astype("<i2").tobytes()
    return ds


def _describe_patient(ds: Dataset, person: Person) -> None:
    ds.PatientName, ds.PatientID, ds.IssuerOfPatientID = person.name, person.patient_id, "KH-MPI"
    ds.PatientBirthDate, ds.PatientSex = person.birth_date, person.sex
    ds.PatientAge = f"{2024 - int(person.birth_date[:4]):03d}Y"
    ds.PatientSize, ds.PatientWeight = "1.74", "76"
    ds.PatientAddress, ds.PatientTelephoneNumbers = person.address, person.telephone
    ds.PatientComments = f"{person.name.split('^')[0]} asks to be called at {person.telephone}"
    other = Dataset()
    other.PatientID, other.IssuerOfPatientID, other.TypeOfPatientID = person.other_id, "HZ", "TEXT"
    ds.OtherPatientIDsSequence = DicomSequence([other])


def _describe_study(ds: Dataset, seed: int, scanner: Scanner, person: Person) -> None:
    surname = person.name.split("^")[0]
    ds.StudyInstanceUID, ds.SeriesInstanceUID = f"{UID_ROOT}.{seed}.1", f"{UID_ROOT}.{seed}.2"
    ds.FrameOfReferenceUID, ds.PositionReferenceIndicator = f"{UID_ROOT}.{seed}.4", ""
    ds.StudyID, ds.AccessionNumber = f"{seed}77", ACCESSION.format(seed=seed)
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = f"202401{10 + seed % 19:02d}"
    ds.StudyTime, ds.SeriesTime, ds.AcquisitionTime = "101523.48", "101711", "101733.250000"
    ds.ContentTime, ds.Modality, ds.BodyPartExamined, ds.PatientPosition = "101733", "CT", "CHEST", "HFS"
    ds.StudyDescription = f"CT Thorax nativ {surname}"
    ds.SeriesDescription, ds.SeriesNumber = "Lung 3.0 soft", "2"
    ds.AcquisitionNumber = "1"
    ds.ReferringPhysicianName, ds.OperatorsName = person.physician, person.operator
    ds.PerformingPhysicianName = person.physician
    ds.InstitutionName, ds.InstitutionAddress = scanner.institution, scanner.institution_address
    ds.InstitutionalDepartmentName = scanner.department
    ds.ReferencedStudySequence = DicomSequence([_referenced("1.2.840.10008.3.1.2.3.1", f"{UID_ROOT}.{seed}.9")])
    request = Dataset()
    request.RequestedProcedureID, request.ScheduledProcedureStepID = f"RP{seed}662", f"SPS{seed}662"
    request.ScheduledProcedureStepDescription = f"CT chest for {surname}"
    request.AccessionNumber, request.StudyInstanceUID = ds.AccessionNumber, ds.StudyInstanceUID
    request.ReferencedStudySequence = DicomSequence([_referenced("1.2.840.10008.3.1.2.3.1", f"{UID_ROOT}.{seed}.9")])
    request.ScheduledProcedureStepStartDate = ds.StudyDate
    request.RequestingPhysician = person.physician
    ds.RequestAttributesSequence = DicomSequence([request])


def _referenced(sop_class: str, sop_instance: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_instance
    return item


def _describe_scanner(ds: Dataset, scanner: Scanner) -> None:
    ds.Manufacturer, ds.ManufacturerModelName = scanner.manufacturer, scanner.model
    ds.StationName, ds.DeviceSerialNumber = scanner.station, scanner.serial
    ds.SoftwareVersions, ds.ProtocolName = "VB20A_SP1", "Thorax Routine"
    ds.KVP, ds.XRayTubeCurrent, ds.Exposure, ds.ConvolutionKernel = "120", "180", "90", "Br40f"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]


def _describe_geometry(ds: Dataset, phantom: Phantom, index: int) -> None:
    """Image plane (PS3.3 C.7.6.2): axial, feet to head with the index."""
    x, y, z = phantom.origin
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.ImagePositionPatient = [f"{x:.3f}", f"{y:.3f}", f"{z + index * phantom.spacing.slices:.3f}"]
    ds.PixelSpacing = [f"{phantom.spacing.rows:.2f}", f"{phantom.spacing.columns:.2f}"]
    ds.SliceThickness = f"{phantom.spacing.slices:.1f}"
    ds.SliceLocation = f"{z + index * phantom.spacing.slices:.2f}"


def _add_private(ds: Dataset, scanner: Scanner, person: Person) -> None:
    """The maker's own elements: a text, bytes that hide the name, and a sequence with a person in it."""
    group, creator = scanner.private
    block = ds.private_block(group, creator, create=True)
    block.add_new(0xF0, "LO", f"{person.patient_id}/{scanner.serial}")
    header = f"SV10\x04\x03\x02\x01{person.name}\x00{person.birth_date}\x00".encode()
    block.add_new(0xF1, "OB", header + b"\x00" * (len(header) % 2))
    nested = Dataset()
    nested.SpecificCharacterSet = scanner.character_set
    nested.PatientName, nested.StudyDate, nested.StudyInstanceUID = person.name, ds.StudyDate, ds.StudyInstanceUID
    block.add_new(0xF2, "SQ", DicomSequence([nested]))


def _segmentation(slices: Sequence[Dataset], phantom: Phantom, seed: int) -> Dataset:
    """Ground truth as a binary Segmentation that references every slice (PS3.3 A.51)."""
    from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentationTypeValues, SegmentDescription
    from pydicom.sr.codedict import codes

    nodule = SegmentDescription(
        segment_number=1,
        segment_label="nodule",
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Nodule,
        algorithm_type=SegmentAlgorithmTypeValues.MANUAL,
    )
    segmentation: Dataset = Segmentation(
        source_images=list(slices),
        pixel_array=phantom.truth,
        segmentation_type=SegmentationTypeValues.BINARY,
        segment_descriptions=[nodule],
        series_instance_uid=f"{UID_ROOT}.{seed}.5",
        series_number=300,
        sop_instance_uid=f"{UID_ROOT}.{seed}.6",
        instance_number=1,
        manufacturer="Sluice phantom",
        manufacturer_model_name="ground truth",
        software_versions="1",
        device_serial_number=scanner_of(seed).serial,
        content_creator_name=person_of(seed).physician,
        content_label="NODULES",
        series_description="nodules drawn by hand",
    )
    _make_reproducible(segmentation, slices[0], seed)
    return segmentation


def _make_reproducible(segmentation: Dataset, first: Dataset, seed: int) -> None:
    """Replace what highdicom takes from the clock and from chance."""
    segmentation.InstanceCreationDate = segmentation.ContentDate = first.StudyDate
    segmentation.InstanceCreationTime = segmentation.ContentTime = "111500"
    for item in (*segmentation.DimensionOrganizationSequence, *segmentation.DimensionIndexSequence):
        item.DimensionOrganizationUID = f"{UID_ROOT}.{seed}.7"
    for item in segmentation.ContributingEquipmentSequence:
        item.ContributionDateTime = f"{first.StudyDate}111500"
