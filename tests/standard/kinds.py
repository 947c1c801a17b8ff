"""Related objects of made-up patients, one builder a kind; all that names someone is in `Person`, to be sought."""

from dataclasses import dataclass, fields
from functools import partial

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import (
    BasicTextSRStorage,
    DigitalXRayImageStorageForPresentation,
    EncapsulatedPDFStorage,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
)

from tests.standard.corpus import code, ct, dataset, items, mr, pet, rtstruct, seg


@dataclass(frozen=True)
class Person:
    """One patient and all that names him: no value occurs in another one's, or in anything that is kept."""

    patient_id: str
    family: str
    given: str
    birth_date: str
    accession: str
    physician: str
    institution: str
    root: str
    study_date: str
    other_id: str

    def values(self) -> list[str]:
        """What must not be in any output."""
        return [getattr(self, each.name) for each in fields(self)]


PEOPLE = (
    Person("MRN-88123", "Quittenbaum", "Isolde", "19480229", "ACC-55121", "Vrablik", "Kreuzspital Nordmoor",
           "1.2.840.99999.881", "20230407", "VS-0099-17"),
    Person("70481122", "Øvregård", "Åshild", "20091231", "2023119988", "Wachtmeister", "Fjordklinikk 7",
           "1.2.840.99999.882", "20221109", "QQ77X-1"),
)  # fmt: skip


def of(person: Person, made: Dataset, number: int = 1) -> Dataset:
    """An object made to be of a person, its UIDs below his root."""
    made.SpecificCharacterSet = "ISO_IR 192"
    made.PatientName = f"{person.family}^{person.given}"
    made.PatientID, made.IssuerOfPatientID = person.patient_id, person.institution
    made.OtherPatientIDs = person.other_id
    made.PatientBirthDate = person.birth_date
    made.AccessionNumber, made.InstitutionName = person.accession, person.institution
    made.ReferringPhysicianName = f"{person.physician}^Dr"
    made.StudyDescription = f"Control of {person.family}, see {person.accession}"
    for element in made.iterall():
        if element.VR == "UI" and str(element.value).startswith("1.2.840.99999"):
            element.value = str(element.value).replace("1.2.840.99999", person.root, 1)
        elif element.VR == "DA" and element.value:
            element.value = person.birth_date if element.keyword == "PatientBirthDate" else person.study_date
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    return made


def _become(made: Dataset, sop_class: str, modality: str, series: int, *gone: str) -> Dataset:
    """Another kind made of a CT or of a structure set."""
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = sop_class
    made.Modality, made.SeriesNumber = modality, series
    made.SeriesInstanceUID = f"1.2.840.99999.1.{series}"
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = f"1.2.840.99999.1.{series}.1"
    for keyword in gone:
        made.pop(keyword, None)
    return made


_SINGLE = (
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "RescaleIntercept",
    "RescaleSlope", "KVP", "AcquisitionNumber",
)  # fmt: skip


def _enhanced(sop_class: str, modality: str, series: int, frames: int = 3) -> Dataset:
    """An enhanced multi-frame with dimensions, functional groups and a reference to the frame of another image."""
    made = _become(ct(), sop_class, modality, series, *_SINGLE)
    made.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    made.PixelPresentation, made.VolumetricProperties = "MONOCHROME", "VOLUME"
    made.VolumeBasedCalculationTechnique, made.ContentQualification = "NONE", "RESEARCH"
    made.BurnedInAnnotation, made.LossyImageCompression, made.PresentationLUTShape = "NO", "00", "IDENTITY"
    made.AcquisitionDateTime, made.AcquisitionDuration = "20240506070910.5", 2.5
    made.InstanceNumber, made.NumberOfFrames = 1, frames
    organization = "1.2.840.99999.9"
    made.DimensionOrganizationSequence = items(dataset(DimensionOrganizationUID=organization))
    made.DimensionIndexSequence = items(
        dataset(
            DimensionOrganizationUID=organization, DimensionIndexPointer=0x00209057, FunctionalGroupPointer=0x00209111
        )
    )
    transformation = dataset(RescaleIntercept=-1024, RescaleSlope=1, RescaleType="HU")
    made.SharedFunctionalGroupsSequence = items(
        dataset(
            PixelMeasuresSequence=items(dataset(SliceThickness=2, PixelSpacing=[1, 1])),
            PlaneOrientationSequence=items(dataset(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])),
            PixelValueTransformationSequence=items(transformation),
            ReferencedImageSequence=items(
                dataset(
                    ReferencedSOPClassUID=ct().SOPClassUID,
                    ReferencedSOPInstanceUID="1.2.840.99999.1.1.1",
                    PurposeOfReferenceCodeSequence=items(code("121311", "DCM", "Localizer")),
                )
            ),
        )
    )
    made.PerFrameFunctionalGroupsSequence = items(
        *(
            dataset(
                FrameContentSequence=items(
                    dataset(
                        FrameAcquisitionDateTime="20240506070910.5",
                        FrameReferenceDateTime="20240506070911",
                        FrameComments="frame of a patient",
                        StackID="1",
                        InStackPositionNumber=number,
                        DimensionIndexValues=[number],
                    )
                ),
                PlanePositionSequence=items(dataset(ImagePositionPatient=[0, 0, 2.0 * number])),
            )
            for number in range(1, frames + 1)
        )
    )
    made.PixelData = made.PixelData * frames
    return made


def _document(sop_class: str, modality: str, series: int) -> Dataset:
    """What documents have in common: no image, no frame of reference."""
    made = rtstruct([ct()])
    for element in list(made):
        if element.tag >= 0x30060000:
            del made[element.tag]
    return _become(made, sop_class, modality, series, "FrameOfReferenceUID", "PositionReferenceIndicator")


def _concept(kind: str, relation: str, meaning: tuple[str, str, str], **values: object) -> Dataset:
    return dataset(RelationshipType=relation, ValueType=kind, ConceptNameCodeSequence=items(code(*meaning)), **values)


def sr(person: Person) -> Dataset:
    """A report whose content tree names the patient in every kind of value."""
    made = _document(BasicTextSRStorage, "SR", 6)
    made.CompletionFlag, made.VerificationFlag = "COMPLETE", "VERIFIED"
    made.ReferencedPerformedProcedureStepSequence = made.PerformedProcedureCodeSequence = items()
    made.VerifyingObserverSequence = items(
        dataset(
            VerifyingOrganization=person.institution,
            VerificationDateTime="20240506080000",
            VerifyingObserverName=f"{person.physician}^Dr",
            VerifyingObserverIdentificationCodeSequence=items(),
        )
    )
    made.ValueType, made.ContinuityOfContent = "CONTAINER", "SEPARATE"
    made.ConceptNameCodeSequence = items(code("18748-4", "LN", "Diagnostic Imaging Report"))
    measured = dataset(NumericValue="12.5", MeasurementUnitsCodeSequence=items(code("mm", "UCUM", "mm")))
    image = dataset(ReferencedSOPClassUID=ct().SOPClassUID, ReferencedSOPInstanceUID="1.2.840.99999.1.1.1")
    made.ContentSequence = items(
        _concept("PNAME", "HAS OBS CONTEXT", ("121008", "DCM", "Person Observer Name"), PersonName=person.physician),
        _concept("TEXT", "CONTAINS", ("121071", "DCM", "Finding"), TextValue=f"{person.family} is well"),
        _concept("DATE", "CONTAINS", ("121118", "DCM", "Date of Birth"), Date=person.birth_date),
        _concept("UIDREF", "CONTAINS", ("121018", "DCM", "Procedure Study Instance UID"), UID="1.2.840.99999.1"),
        _concept("CODE", "CONTAINS", ("121071", "DCM", "Finding"),
                 ConceptCodeSequence=items(code("P-1", "99LOCAL", f"seen by {person.physician}"))),
        _concept("NUM", "CONTAINS", ("121206", "DCM", "Distance"), MeasuredValueSequence=items(measured)),
        dataset(RelationshipType="CONTAINS", ValueType="IMAGE", ReferencedSOPSequence=items(image)),
    )  # fmt: skip
    return made


def _evidence() -> Dataset:
    instance = dataset(ReferencedSOPClassUID=ct().SOPClassUID, ReferencedSOPInstanceUID="1.2.840.99999.1.1.1")
    series = dataset(SeriesInstanceUID="1.2.840.99999.1.1", ReferencedSOPSequence=items(instance))
    return dataset(StudyInstanceUID="1.2.840.99999.1", ReferencedSeriesSequence=items(series))


def ko(person: Person) -> Dataset:
    """A key object selection of one slice."""
    made = _document(KeyObjectSelectionDocumentStorage, "KO", 7)
    made.ReferencedPerformedProcedureStepSequence = items()
    made.ValueType, made.ContinuityOfContent = "CONTAINER", "SEPARATE"
    made.ConceptNameCodeSequence = items(code("113000", "DCM", "Of Interest"))
    made.CurrentRequestedProcedureEvidenceSequence = items(_evidence())
    text = f"for {person.given}, by {person.physician}"
    image = dataset(ReferencedSOPClassUID=ct().SOPClassUID, ReferencedSOPInstanceUID="1.2.840.99999.1.1.1")
    made.ContentSequence = items(
        _concept("TEXT", "CONTAINS", ("113012", "DCM", "Key Object Description"), TextValue=text),
        dataset(RelationshipType="CONTAINS", ValueType="IMAGE", ReferencedSOPSequence=items(image)),
    )
    return made


def pr(person: Person) -> Dataset:
    """A presentation state that draws the patient's name beside a slice."""
    made = _document(GrayscaleSoftcopyPresentationStateStorage, "PR", 8)
    made.ContentLabel, made.ContentDescription = "LABEL", f"of {person.family}"
    made.ContentCreatorName = person.physician
    made.PresentationCreationDate, made.PresentationCreationTime = "20240506", "080000"
    made.ReferencedSeriesSequence = items(_evidence().ReferencedSeriesSequence[0])
    text = dataset(UnformattedTextValue=person.patient_id, AnchorPoint=[1, 1], AnchorPointVisibility="N")
    line = dataset(GraphicData=[1, 1, 5, 5], GraphicDimensions=2, NumberOfGraphicPoints=2, GraphicType="POLYLINE")
    made.GraphicAnnotationSequence = items(
        dataset(GraphicLayer="LAYER", TextObjectSequence=items(text), GraphicObjectSequence=items(line))
    )
    made.GraphicLayerSequence = items(
        dataset(GraphicLayer="LAYER", GraphicLayerOrder=1, GraphicLayerDescription=person.family)
    )
    made.PresentationLUTShape = "IDENTITY"
    return made


def pdf(person: Person) -> Dataset:
    """A letter, encapsulated."""
    made = _document(EncapsulatedPDFStorage, "DOC", 9)
    made.ConversionType, made.BurnedInAnnotation = "WSD", "YES"
    made.DocumentTitle, made.MIMETypeOfEncapsulatedDocument = f"Letter for {person.family}", "application/pdf"
    made.ConceptNameCodeSequence = items()
    letter = f"%PDF-1.4 Dear {person.family}, {person.patient_id}"
    made.EncapsulatedDocument = letter.encode() + b" " * (len(letter.encode()) % 2)
    return made


def _burned(
    sop_class: str, modality: str, series: int, *, photometric: str = "MONOCHROME2", frames: int = 1
) -> Dataset:
    """An image that may show text; its pixels are a ramp."""
    gone = (*_SINGLE, "PositionReferenceIndicator", "FrameOfReferenceUID", "PatientPosition", "SeriesDescription")
    made = _become(ct(), sop_class, modality, series, *gone)
    samples = 1 if photometric.startswith("MONO") else 3
    made.PhotometricInterpretation, made.SamplesPerPixel = photometric, samples
    if samples > 1:
        made.PlanarConfiguration = 0
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit, made.PixelRepresentation = 7, 0
    if frames > 1:
        made.NumberOfFrames, made.FrameTime, made.FrameIncrementPointer = frames, 40, 0x00181063
    made.PixelData = np.arange(16 * 16 * samples * frames, dtype="u1").tobytes()
    made["PixelData"].VR = "OB"
    return made


def us(person: Person, frames: int = 1) -> Dataset:
    """An ultrasound image with one calibrated region."""
    kind = UltrasoundMultiFrameImageStorage if frames > 1 else UltrasoundImageStorage
    made = _burned(kind, "US", 10 + (frames > 1), photometric="RGB", frames=frames)
    made.ImageType = ["ORIGINAL", "PRIMARY", "", "0001"]
    made.ImageComments = f"{person.given} breathes"
    made.SequenceOfUltrasoundRegions = items(
        dataset(
            RegionSpatialFormat=1, RegionDataType=1, RegionFlags=0, RegionLocationMinX0=2, RegionLocationMinY0=4,
            RegionLocationMaxX1=13, RegionLocationMaxY1=15, PhysicalUnitsXDirection=3, PhysicalUnitsYDirection=3,
            PhysicalDeltaX=0.1, PhysicalDeltaY=0.1,
        )
    )  # fmt: skip
    return made


def sc(person: Person) -> Dataset:
    """A secondary capture, as scanned paper."""
    made = _burned(SecondaryCaptureImageStorage, "OT", 12)
    made.ConversionType, made.ImageType = "WSD", ["DERIVED", "SECONDARY"]
    made.SecondaryCaptureDeviceID, made.DateOfSecondaryCapture = person.other_id, "20240506"
    return made


def dx(person: Person) -> Dataset:
    """A digital X-ray for presentation."""
    made = _burned(DigitalXRayImageStorageForPresentation, "DX", 13)
    made.PresentationIntentType, made.PixelIntensityRelationship = "FOR PRESENTATION", "LOG"
    made.PixelIntensityRelationshipSign, made.RescaleType, made.PresentationLUTShape = -1, "US", "IDENTITY"
    made.ImageLaterality, made.BurnedInAnnotation, made.DetectorID = "U", "NO", person.other_id
    made.ViewPosition, made.BodyPartExamined = "AP", "CHEST"
    return made


PASSING = {
    "ct": lambda person: ct(1),
    "ct second slice": lambda person: ct(2),
    "mr": lambda person: mr(),
    "pet": lambda person: pet(),
    "enhanced ct": lambda person: _enhanced(EnhancedCTImageStorage, "CT", 14),
    "enhanced mr": lambda person: _enhanced(EnhancedMRImageStorage, "MR", 15),
    "seg": lambda person: seg([ct(1), ct(2)]),
    "rtstruct": lambda person: rtstruct([ct(1), ct(2)]),
}
"""Kinds that the default profile passes."""

LOOKED_AT = {
    "sr": sr, "ko": ko, "pr": pr, "pdf": pdf, "us": us, "us multi-frame": partial(us, frames=3), "sc": sc, "dx": dx,
}  # fmt: skip
"""Kinds with text in content trees, drawings, documents or pixels."""

KINDS = PASSING | LOOKED_AT


def objects(person: Person) -> dict[str, Dataset]:
    """One object of every kind of a person, all of one study and naming each other."""
    return {kind: of(person, make(person)) for kind, make in KINDS.items()}
