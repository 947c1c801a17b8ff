"""Makes what the ML tests read: CT slices, annotations, packages and batches, all synthetic."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import highdicom as hd
import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from handoff.contract.batch import InstanceLine, VolumeLine
from ml.datasets.batch import data_set_offset

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def ct_series(
    volume: np.ndarray,
    series: str = "1.2.3.1",
    patient: str = "P1",
    spacing: tuple[float, float, float] = (5.0, 2.0, 2.0),
    orientation: Sequence[float] = AXIAL,
    first: Sequence[float] = (-40.0, -50.0, 10.0),
    step: Sequence[float] | None = None,
) -> list[Dataset]:
    """CT slices of a volume in HU `(slices, rows, columns)`; InstanceNumber runs *against* space, as scanners do."""
    normal = np.cross(orientation[:3], orientation[3:])
    step = np.array(step if step is not None else normal * spacing[0])
    return [
        ct_slice(
            plane,
            series=series,
            patient=patient,
            uid=f"{series}.{index + 1}",
            number=len(volume) - index,
            position=np.array(first) + step * index,
            orientation=orientation,
            spacing=spacing[1:],
        )
        for index, plane in enumerate(volume)
    ]


def ct_slice(
    plane: np.ndarray,
    series: str,
    patient: str,
    uid: str,
    number: int,
    position: Iterable[float],
    orientation: Sequence[float],
    spacing: Sequence[float],
) -> Dataset:
    """One original CT slice whose stored values are HU + 1024."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, uid
    dataset.PatientID, dataset.PatientName, dataset.PatientBirthDate, dataset.PatientSex = (
        patient,
        f"{patient}^",
        "",
        "O",
    )
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{series}.77", series
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = f"{series}.88", ""
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID, dataset.AccessionNumber = "20200102", "030405", "", ""
    dataset.ReferringPhysicianName = ""
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "CT", 1, number
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.ImagePositionPatient = [round(float(value), 4) for value in position]
    dataset.ImageOrientationPatient = list(orientation)
    dataset.PixelSpacing, dataset.SliceThickness = list(spacing), 1.0
    dataset.Rows, dataset.Columns = plane.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 0
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.PixelData = (plane.astype(np.int32) + 1024).astype("<u2").tobytes()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = CTImageStorage, uid
    return dataset


def annotation(mask: np.ndarray, sources: Sequence[Dataset], uid: str = "1.2.3.99.1") -> Dataset:
    """A binary SEG of a mask on its sources, made by highdicom, empty frames left out."""
    segment = hd.seg.SegmentDescription(
        segment_number=1,
        segment_label="Lesion",
        segmented_property_category=hd.sr.CodedConcept("49755003", "SCT", "Morphologically Abnormal Structure"),
        segmented_property_type=hd.sr.CodedConcept("52988006", "SCT", "Lesion"),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
    )
    return hd.seg.Segmentation(
        source_images=list(sources),
        pixel_array=mask.astype(np.uint8),
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[segment],
        series_instance_uid=f"{uid}.5",
        series_number=2,
        sop_instance_uid=uid,
        instance_number=1,
        manufacturer="tests",
        manufacturer_model_name="tests",
        software_versions="1",
        device_serial_number="1",
        content_label="TRUTH",
    )


def part10(dataset: Dataset) -> bytes:
    """The whole file."""
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def package(path: Path, datasets: Sequence[Dataset], split: str = "train", references: Sequence[str] = ()) -> list[Any]:
    """Write a package and give the batch lines of its instances."""
    lines = []
    with ZipFile(path, "w") as archive:
        for dataset in datasets:
            content = part10(dataset)
            member = f"instances/{dataset.SOPInstanceUID}.dcm"
            archive.writestr(member, content)
            lines.append(
                InstanceLine(
                    package=path.as_uri(),
                    member=member,
                    digest=hashlib.sha256(content[data_set_offset(content) :]).hexdigest(),
                    sop_instance_uid=dataset.SOPInstanceUID,
                    sop_class_uid=dataset.SOPClassUID,
                    patient=dataset.PatientID,
                    study=dataset.StudyInstanceUID,
                    series=dataset.SeriesInstanceUID,
                    modality=dataset.Modality,
                    annotation=dataset.Modality == "SEG",
                    references=tuple(references),
                    split=split,
                )
            )
    return lines


def write_batch(path: Path, lines: Iterable[InstanceLine | VolumeLine]) -> str:
    """Write the lines of a batch; returns its URI."""
    path.write_text("".join(line.model_dump_json() + "\n" for line in lines))
    return path.as_uri()


def prepared_lines(result: Path, splits: dict[str, str]) -> list[VolumeLine]:
    """The volume lines that the handoff would add to a batch after a preparing run; splits by patient."""
    content = json.loads((result / "result.json").read_bytes())
    return [
        VolumeLine(**volume, spec_digest=content["spec_digest"], split=splits[volume["patient"]])
        for volume in content["volumes"]
    ]


def small_body(seed: int, shape: tuple[int, int, int] = (14, 32, 40)) -> tuple[np.ndarray, np.ndarray]:
    """A box of a body with one lesion on the patient's right; HU and truth."""
    random = np.random.default_rng(seed)
    volume = np.full(shape, -1000, dtype=np.int16)
    volume[:, 6:-6, 6:-6] = 40
    truth = np.zeros(shape, dtype=bool)
    k, j = random.integers(4, shape[0] - 5), random.integers(10, shape[1] - 14)
    truth[k : k + 3, j : j + 5, 10:15] = True
    volume[truth] = 200
    return volume, truth
