"""A series of CT slices with a header as long as scanners write them; every value is made up."""

import io
from collections.abc import Iterator

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.builders import ct_slice

_ROOT = "1.2.840.99999.53"
_TEXT = {
    "SpecificCharacterSet": "ISO_IR 100",
    "InstitutionName": "Anywhere General Hospital",
    "InstitutionAddress": "Made Up Road 1, 12345 Anywhere",
    "StationName": "CTAWP12345",
    "StudyDescription": "Thorax^01_Routine (Adult)",
    "SeriesDescription": "Thorax 1.0 B70f",
    "InstitutionalDepartmentName": "Radiology",
    "PhysiciansOfRecord": "Hausarzt^Hans",
    "PerformingPhysicianName": "Deuter^Dora",
    "OperatorsName": "Bediener^Bea",
    "ManufacturerModelName": "SOMATOM Definition AS+",
    "IrradiationEventUID": f"{_ROOT}.9.1",
    "IssuerOfPatientID": "St. Anywhere",
    "OtherPatientIDs": "VS-0099-17",
    "PatientAge": "073Y",
    "PatientAddress": "Made Up Lane 2",
    "PatientComments": "second control",
    "BodyPartExamined": "CHEST",
    "ScanOptions": "SPI",
    "DeviceSerialNumber": "73551",
    "SoftwareVersions": "syngo CT 2012B",
    "ProtocolName": "01_Routine",
    "ContrastBolusAgent": "CONTRAST",
    "ContrastBolusRoute": "IV",
    "DateOfLastCalibration": "20240505",
    "TimeOfLastCalibration": "060708",
    "FilterType": "WEDGE_3",
    "RotationDirection": "CW",
    "ConvolutionKernel": ["B70f", "3"],
    "ExposureModulationType": "XYZ_EC",
    "ImageComments": "no motion",
    "RequestingPhysician": "Anforder^Anna",
    "RequestedProcedureDescription": "CT Thorax",
    "PerformedProcedureStepStartDate": "20240506",
    "PerformedProcedureStepStartTime": "070001",
    "PerformedProcedureStepID": "PPS4711",
    "PerformedProcedureStepDescription": "CT Thorax",
    "WindowCenterWidthExplanation": ["WINDOW1", "WINDOW2"],
    "LossyImageCompression": "00",
}
_NUMBERS = {
    "PatientSize": "1.75",
    "PatientWeight": "80",
    "DataCollectionDiameter": "500",
    "ReconstructionDiameter": "350",
    "DistanceSourceToDetector": "1085.6",
    "DistanceSourceToPatient": "595",
    "GantryDetectorTilt": "0",
    "TableHeight": "158",
    "ExposureTime": "500",
    "XRayTubeCurrent": "212",
    "Exposure": "106",
    "GeneratorPower": "25",
    "FocalSpots": "1.2",
    "SingleCollimationWidth": 0.6,
    "TotalCollimationWidth": 38.4,
    "TableSpeed": 46.0,
    "TableFeedPerRotation": 23.0,
    "SpiralPitchFactor": 0.6,
    "DataCollectionCenterPatient": [0.5, -158.5, -200.5],
    "ReconstructionTargetCenterPatient": [0.5, -158.5, -200.5],
    "EstimatedDoseSaving": 31.5,
    "CTDIvol": 7.2,
    "WindowCenter": ["50", "-600"],
    "WindowWidth": ["350", "1200"],
    "SmallestImagePixelValue": 0,
    "LargestImagePixelValue": 4095,
    "PixelPaddingValue": 0,
}


def slice_of(number: int, *, rows: int = 512, patient: int = 1, stored: int = 16) -> Dataset:
    """One slice; slices of a patient are of one series and differ where a scanner's do.

    Its pixels are signed words, or of 12 `stored` bits and unsigned, as most scanners write them.
    """
    study, series = f"{_ROOT}.{patient}", f"{_ROOT}.{patient}.3"
    made = ct_slice(number, patient=f"MRN-{patient:06}", study=study, series=series, rows=rows)
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = f"{series}.{number}"
    for keyword, value in (_TEXT | _NUMBERS).items():
        setattr(made, keyword, value)
    made.SliceLocation = f"{-200 - number * 0.7:.1f}"
    made.ImagePositionPatient = ["-174.658203125", "-333.158203125", f"{-200 - number * 0.7:.1f}"]
    made.PixelSpacing = ["0.68359375", "0.68359375"]
    made.ContentTime = made.AcquisitionTime = f"0709{number % 60:02}.{number * 137 % 1_000_000:06}"
    made.XRayTubeCurrent = str(180 + number * 7 % 60)
    made.CTDIvol = 7 + number * 7 % 60 / 100
    made.ReferencedStudySequence = _items(ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1", UID=f"{study}.1")
    made.ReferencedImageSequence = _items(ReferencedSOPClassUID=made.SOPClassUID, UID=f"{series[:-1]}2.1")
    procedure = Dataset()
    procedure.CodeValue, procedure.CodingSchemeDesignator = "24627-2", "LN"
    procedure.CodeMeaning = "Chest CT"
    made.ProcedureCodeSequence = Sequence([procedure])
    for group, creator in ((0x0019, "SIEMENS CT VA0  COAD"), (0x0021, "SIEMENS MED")):
        block = made.private_block(group, creator, create=True)
        block.add_new(0x10, "LO", "private text of a scanner")
        block.add_new(0x11, "DS", "38.4")
    noise = np.random.default_rng(number).normal(0, 40, (rows, rows))
    made.PixelData = (noise + 1000).clip(0, 4095).astype("<i2").tobytes()
    made["PixelData"].VR = "OW"
    made.BitsStored, made.HighBit, made.PixelRepresentation = stored, stored - 1, int(stored == 16)
    return made


def _items(**values: str) -> Sequence:
    item = Dataset()
    item.ReferencedSOPClassUID = values["ReferencedSOPClassUID"]
    item.ReferencedSOPInstanceUID = values["UID"]
    return Sequence([item])


def series(slices: int, *, rows: int = 512) -> Iterator[bytes]:
    """The Part 10 files of one series, explicit VR little endian."""
    for number in range(1, slices + 1):
        file = io.BytesIO()
        slice_of(number, rows=rows).save_as(file, enforce_file_format=True)
        yield file.getvalue()
