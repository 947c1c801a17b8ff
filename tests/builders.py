"""Builders of small, valid DICOM objects for tests. Every value is made up."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid


def ct_slice(number: int = 1, *, patient: str = "P001", study: str = "", series: str = "", rows: int = 64) -> Dataset:
    """One axial CT slice with file meta, ready to be saved; `number` counts from 1 and places it along z (2 mm)."""
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID = study or generate_uid()
    dataset.SeriesInstanceUID = series or generate_uid()
    dataset.FrameOfReferenceUID = f"{dataset.SeriesInstanceUID[:60]}.1"
    dataset.PatientID = patient
    dataset.PatientName = f"Testperson^{patient}"
    dataset.PatientBirthDate = "19510203"
    dataset.PatientSex = "O"
    dataset.StudyDate = dataset.SeriesDate = dataset.ContentDate = dataset.AcquisitionDate = "20240506"
    dataset.StudyTime = dataset.SeriesTime = dataset.ContentTime = dataset.AcquisitionTime = "070809"
    dataset.AccessionNumber = f"ACC{patient}"
    dataset.ReferringPhysicianName = "Zuweiserin^Rita"
    dataset.StudyID = "1"
    dataset.Modality = "CT"
    dataset.Manufacturer = "Made Up Imaging"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.SeriesNumber = 1
    dataset.AcquisitionNumber = 1
    dataset.InstanceNumber = number
    dataset.KVP = 120
    dataset.PatientPosition = "HFS"
    dataset.ImagePositionPatient = [-32, -32, 2.0 * number]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.PositionReferenceIndicator = ""
    dataset.PixelSpacing = [1, 1]
    dataset.SliceThickness = 2
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows = dataset.Columns = rows
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 1
    dataset.RescaleIntercept = -1024
    dataset.RescaleSlope = 1
    dataset.PixelData = np.full((rows, rows), number, np.int16).tobytes()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def write_ct_series(folder: Path, *, slices: int, patient: str = "P001") -> list[Path]:
    """Write one CT series of one new study into a folder, which is made; the files in the order of the slices."""
    folder.mkdir(parents=True)
    study, series = generate_uid(), generate_uid()
    files = []
    for number in range(1, slices + 1):
        file = folder / f"{number:05}.dcm"
        ct_slice(number, patient=patient, study=study, series=series).save_as(file, enforce_file_format=True)
        files.append(file)
    return files
