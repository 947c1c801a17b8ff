"""The DICOM object around a picture, and the file."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from processors.deid.burned_in import Box
from tests.burned_in_images.page import Line

STUDY = "1.2.840.99999.7"


@dataclass(frozen=True, slots=True)
class BurnedIn:
    """A dataset, and the lines in it."""

    dataset: Dataset
    lines: tuple[Line, ...]

    @property
    def boxes(self) -> tuple[Box, ...]:
        """The box of each line's ink."""
        return tuple(line.box for line in self.lines)

    @property
    def part10(self) -> bytes:
        """The file."""
        file = io.BytesIO()
        self.dataset.save_as(file, enforce_file_format=True)
        return file.getvalue()


def image(sop_class: str, modality: str, values: NDArray[np.unsignedinteger], photometric: str, stored: int) -> Dataset:
    """The dataset around pixels of shape (frames, rows, columns, samples)."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = sop_class, f"{STUDY}.1.1"
    made.StudyInstanceUID, made.SeriesInstanceUID = STUDY, f"{STUDY}.1"
    made.Modality, made.PatientID, made.PatientName = modality, "MRN-4711", "Holzmann^Klothilde"
    made.ImageType = ["ORIGINAL", "PRIMARY"]
    made.NumberOfFrames, made.Rows, made.Columns, made.SamplesPerPixel = values.shape
    if made.NumberOfFrames == 1:
        del made.NumberOfFrames
    if made.SamplesPerPixel == 3:
        made.PlanarConfiguration = 0
    made.PhotometricInterpretation, made.PixelRepresentation = photometric, 0
    made.BitsAllocated, made.BitsStored, made.HighBit = values.dtype.itemsize * 8, stored, stored - 1
    made.PixelData = values.tobytes() + bytes(values.nbytes & 1)
    made["PixelData"].VR = "OW"
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made
