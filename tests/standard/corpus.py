"""A corpus of planted values: small valid objects, and a canary for any attribute of any VR. All values are made up."""

import io
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    RTStructureSetStorage,
    SegmentationStorage,
)

from processors.deid import Engine, KeyFile, Profile, Treated, Withheld
from processors.deid.table_e1_1 import Row, table

SYNTAXES = {
    "explicit": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
}
STUDY, FRAME_OF_REFERENCE = "1.2.840.99999.1", "1.2.840.99999.2"
KEY = KeyFile("00000000", 1, b"s" * 32)
SCT, DCM = "SCT", "DCM"


def engine(project: str = "test", key: KeyFile = KEY) -> Engine:
    return Engine(Profile.load(), key.project(project))


def code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def items(*datasets: Dataset) -> Sequence:
    return Sequence(datasets)


def dataset(**values) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def _common(sop_class: str, series: int, number: int, modality: str) -> Dataset:
    made = dataset(
        SpecificCharacterSet="ISO_IR 100",
        SOPClassUID=sop_class,
        SOPInstanceUID=f"{STUDY}.{series}.{number}",
        StudyInstanceUID=STUDY,
        SeriesInstanceUID=f"{STUDY}.{series}",
        PatientID="MRN-4711",
        IssuerOfPatientID="St. Anywhere",
        PatientName="Holzmann^Klothilde^Maria",
        PatientBirthDate="19510203",
        PatientSex="F",
        StudyDate="20240506",
        SeriesDate="20240506",
        ContentDate="20240506",
        StudyTime="070809",
        SeriesTime="070910",
        ContentTime="071011",
        AccessionNumber="ACC-4712",
        ReferringPhysicianName="Überweiser^Urs",
        InstitutionName="Anywhere General Hospital",
        StudyID="4713",
        StudyDescription="Thorax of Holzmann",
        SeriesDescription="axial",
        Modality=modality,
        Manufacturer="Made Up Imaging",
        SeriesNumber=series,
        InstanceNumber=number,
    )
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    return made


def _pixels(made: Dataset, rows: int = 16) -> Dataset:
    made.FrameOfReferenceUID = FRAME_OF_REFERENCE
    made.PositionReferenceIndicator = ""
    made.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    made.AcquisitionNumber = 1
    made.AcquisitionDate, made.AcquisitionTime = "20240506", "070910"
    made.PatientPosition = "HFS"
    made.ImagePositionPatient = [-8, -8, 2.0 * made.InstanceNumber]
    made.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    made.PixelSpacing, made.SliceThickness = [1, 1], 2
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.Rows = made.Columns = rows
    made.BitsAllocated = made.BitsStored = 16
    made.HighBit, made.PixelRepresentation = 15, 1
    made.RescaleIntercept, made.RescaleSlope = -1024, 1
    made.PixelData = np.arange(rows * rows, dtype="<i2").tobytes()
    made["PixelData"].VR = "OW"
    return made


def ct(number: int = 1) -> Dataset:
    made = _pixels(_common(CTImageStorage, 1, number, "CT"))
    made.KVP = 120
    return made


def mr(number: int = 1) -> Dataset:
    made = _pixels(_common(MRImageStorage, 2, number, "MR"))
    del made.RescaleIntercept, made.RescaleSlope
    made.ScanningSequence, made.SequenceVariant, made.ScanOptions = "SE", "NONE", ""
    made.MRAcquisitionType, made.RepetitionTime, made.EchoTime, made.EchoTrainLength = "2D", 500, 20, 1
    return made


def pet(number: int = 1) -> Dataset:
    made = _pixels(_common(PositronEmissionTomographyImageStorage, 3, number, "PT"))
    made.Units, made.CountsSource, made.SeriesType, made.DecayCorrection = (
        "BQML",
        "EMISSION",
        ["STATIC", "IMAGE"],
        "START",
    )
    made.CorrectedImage, made.CollimatorType, made.NumberOfSlices, made.ImageIndex = ["DECY", "ATTN"], "NONE", 1, number
    made.FrameReferenceTime, made.ActualFrameDuration, made.RescaleIntercept = 0, 1000, 0
    made.RadiopharmaceuticalInformationSequence = items(
        dataset(Radiopharmaceutical="FDG", RadionuclideHalfLife=6586.2, RadiopharmaceuticalStartTime="060708")
    )
    return made


def _reference(to: Dataset) -> Dataset:
    return dataset(ReferencedSOPClassUID=to.SOPClassUID, ReferencedSOPInstanceUID=to.SOPInstanceUID)


def seg(of: list[Dataset]) -> Dataset:
    """A binary segmentation of one segment, one frame an image."""
    made = _common(SegmentationStorage, 4, 1, "SEG")
    made.FrameOfReferenceUID, made.PositionReferenceIndicator = FRAME_OF_REFERENCE, ""
    made.ManufacturerModelName, made.DeviceSerialNumber, made.SoftwareVersions = "Segmenter", "SER-4714", "1"
    made.ImageType, made.SegmentationType = ["DERIVED", "PRIMARY"], "BINARY"
    made.ContentLabel, made.ContentDescription, made.ContentCreatorName = "LUNG", "by Dr. Zeichner", "Zeichner^Zoe"
    made.SamplesPerPixel, made.PhotometricInterpretation, made.NumberOfFrames = 1, "MONOCHROME2", len(of)
    made.Rows = made.Columns = 16
    made.BitsAllocated = made.BitsStored = 1
    made.HighBit = made.PixelRepresentation = 0
    made.LossyImageCompression = "00"
    made.SegmentSequence = items(
        dataset(
            SegmentNumber=1,
            SegmentLabel="Lung lesion 1",
            SegmentAlgorithmType="MANUAL",
            SegmentedPropertyCategoryCodeSequence=items(code("49755003", SCT, "Morphologically abnormal structure")),
            SegmentedPropertyTypeCodeSequence=items(code("4147007", SCT, "Mass")),
        )
    )
    made.ReferencedSeriesSequence = items(
        dataset(
            SeriesInstanceUID=of[0].SeriesInstanceUID,
            ReferencedInstanceSequence=items(*(_reference(each) for each in of)),
        )
    )
    organization = "1.2.840.99999.5"
    made.DimensionOrganizationSequence = items(dataset(DimensionOrganizationUID=organization))
    made.DimensionIndexSequence = items(
        dataset(
            DimensionOrganizationUID=organization, DimensionIndexPointer=0x0062000B, FunctionalGroupPointer=0x0062000A
        ),
        dataset(
            DimensionOrganizationUID=organization, DimensionIndexPointer=0x00200032, FunctionalGroupPointer=0x00209113
        ),
    )
    made.SharedFunctionalGroupsSequence = items(
        dataset(
            PixelMeasuresSequence=items(dataset(SliceThickness=2, PixelSpacing=[1, 1], SpacingBetweenSlices=2)),
            PlaneOrientationSequence=items(dataset(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])),
        )
    )
    made.PerFrameFunctionalGroupsSequence = items(*(_frame(each, number) for number, each in enumerate(of, 1)))
    made.PixelData = b"\x0f" * (32 * len(of))
    made["PixelData"].VR = "OB"
    return made


def _frame(image: Dataset, number: int) -> Dataset:
    source = _reference(image)
    source.PurposeOfReferenceCodeSequence = items(code("121322", DCM, "Source image for image processing operation"))
    return dataset(
        DerivationImageSequence=items(
            dataset(
                SourceImageSequence=items(source),
                DerivationCodeSequence=items(code("113076", DCM, "Segmentation")),
            )
        ),
        FrameContentSequence=items(dataset(DimensionIndexValues=[1, number])),
        PlanePositionSequence=items(dataset(ImagePositionPatient=list(image.ImagePositionPatient))),
        SegmentIdentificationSequence=items(dataset(ReferencedSegmentNumber=1)),
    )


def rtstruct(of: list[Dataset]) -> Dataset:
    """A structure set of one contour on the first image."""
    made = _common(RTStructureSetStorage, 5, 1, "RTSTRUCT")
    made.StructureSetLabel, made.StructureSetDate, made.StructureSetTime = "Holzmann plan", "20240506", "080000"
    made.OperatorsName = "Bediener^Bea"
    made.FrameOfReferenceUID, made.PositionReferenceIndicator = FRAME_OF_REFERENCE, ""
    series = dataset(SeriesInstanceUID=of[0].SeriesInstanceUID, ContourImageSequence=items(*map(_reference, of)))
    study = dataset(
        ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1",
        ReferencedSOPInstanceUID=STUDY,
        RTReferencedSeriesSequence=items(series),
    )
    made.ReferencedFrameOfReferenceSequence = items(
        dataset(FrameOfReferenceUID=FRAME_OF_REFERENCE, RTReferencedStudySequence=items(study))
    )
    made.StructureSetROISequence = items(
        dataset(
            ROINumber=1,
            ReferencedFrameOfReferenceUID=FRAME_OF_REFERENCE,
            ROIName="GTV Holzmann",
            ROIGenerationAlgorithm="",
        )
    )
    contour = dataset(
        ContourImageSequence=items(_reference(of[0])),
        ContourGeometricType="CLOSED_PLANAR",
        NumberOfContourPoints=3,
        ContourData=[0, 0, 2, 4, 0, 2, 0, 4, 2],
    )
    made.ROIContourSequence = items(
        dataset(ReferencedROINumber=1, ROIDisplayColor=[255, 0, 0], ContourSequence=items(contour))
    )
    made.RTROIObservationsSequence = items(
        dataset(ObservationNumber=1, ReferencedROINumber=1, RTROIInterpretedType="GTV", ROIInterpreter="Deuter^Dora")
    )
    return made


def related() -> list[Dataset]:
    """Two CT slices, a segmentation and a structure set of them."""
    slices = [ct(1), ct(2)]
    return [*slices, seg(slices), rtstruct(slices)]


def encoded(made: Dataset, syntax: str = "explicit") -> bytes:
    """The Part 10 file of a dataset."""
    made = deepcopy(made)
    made.file_meta.TransferSyntaxUID = SYNTAXES[syntax]
    if syntax == "big endian" and "PixelData" in made and made.BitsAllocated == 16:
        made.PixelData = np.frombuffer(made.PixelData, "<i2").astype(">i2").tobytes()
    file = io.BytesIO()
    made.save_as(file, enforce_file_format=True)
    return file.getvalue()


def treated(made: Dataset | bytes, by: Engine | None = None) -> Treated:
    """The treated instance; fails when it is withheld."""
    result = (by or engine()).treat(made if isinstance(made, bytes) else encoded(made))
    assert isinstance(result, Treated), result
    return result


def output(made: Dataset | bytes, by: Engine | None = None) -> bytes:
    return b"".join(treated(made, by).chunks)


def read(file: bytes) -> Dataset:
    from pydicom import dcmread

    return dcmread(io.BytesIO(file))


def cleaned(made: Dataset | bytes, by: Engine | None = None) -> Dataset:
    return read(output(made, by))


@dataclass(frozen=True)
class Canary:
    """A planted value: what is written, and the bytes that must not come out."""

    tag: int
    value: object
    trace: bytes


_NUMBER = {"DS": "-98765.{:05}", "IS": "-1987{:05}"}


def canary(tag: int, number: int) -> Canary | None:
    """A unique value for an attribute; None for those whose VR is too short to be unique anywhere but in its place."""
    vr = DicomDictionary[tag][0].split(" or ")[-1]
    text = f"CANARY{number:05}"
    value: object = text
    if vr == "PN":
        value = f"{text}^Planted"
    elif vr == "UI":
        value = text = f"1.2.3.777.{number}.888"
    elif vr in ("DA", "DT"):
        text = f"{1700 + number // 336:04}{number // 28 % 12 + 1:02}{number % 28 + 1:02}"
        value = text if vr == "DA" else f"{text}010203.456789"
    elif vr == "TM":
        value = text = f"{number % 24:02}{number // 24 % 60:02}{number // 1440:02}.{900000 + number}"
    elif vr in _NUMBER:
        value = text = _NUMBER[vr].format(number)
    elif vr == "UR":
        value = f"http://{text}.example"
    elif vr in ("OB", "OW", "UN"):
        value = (text + ".").encode()
    elif vr == "SQ":
        value = items(dataset(PatientID=text, PatientComments=text, TextValue=text))
    elif vr in ("AS", "US"):
        return None
    return Canary(tag, value, text.encode())


def plant(target: Dataset, planted: list[Canary]) -> Dataset:
    """Write canaries into a dataset, over what is there."""
    for each in planted:
        vr = DicomDictionary[each.tag][0].split(" or ")[-1]
        target[Tag(each.tag)] = DataElement(Tag(each.tag), vr, deepcopy(each.value))
    return target


STRUCTURAL = {0x00020002, 0x00020010, 0x00080005, 0x00080016}


def listed() -> list[Row]:
    """Every row of the table that a data set can hold: no commands, file meta or directory records."""
    return [row for row in table().values() if row.tag >> 16 >= 8 and row.tag in DicomDictionary]


def canaries(first: int = 1) -> list[Canary]:
    """A canary for every listed row, the identity's own attributes apart (they are canaries of their own)."""
    own = {0x00080018, 0x0020000D, 0x0020000E}
    made = (canary(row.tag, first + n) for n, row in enumerate(listed()) if row.tag not in own)
    return [each for each in made if each is not None]


def nested(target: Dataset, inner: Dataset, depth: int) -> Dataset:
    """Put `inner` below `depth` levels of Referenced Image Sequence, which the table keeps."""
    for _ in range(depth):
        inner.ReferencedSOPClassUID = CTImageStorage
        inner.setdefault("ReferencedSOPInstanceUID", "1.2.3.4.5.6")
        inner = dataset(ReferencedImageSequence=items(inner))
    target.ReferencedImageSequence = inner.ReferencedImageSequence
    return target


def survivors(file: bytes, planted: list[Canary]) -> list[str]:
    """Tags of the canaries that are in the bytes of a file."""
    upper = file.upper()
    return [f"{each.tag:08X}" for each in planted if each.trace.upper() in upper]


def withheld(file: bytes, by: Engine | None = None) -> str:
    """The reason code; fails when it passes."""
    result = (by or engine()).treat(file)
    assert isinstance(result, Withheld)
    return result.reason
