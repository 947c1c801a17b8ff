"""Performed procedure steps as modalities send them."""

from collections.abc import Sequence

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import CTImageStorage, ImplicitVRLittleEndian

MPPS = "1.2.840.10008.3.1.2.3.3"


def created(study: str, *more_studies: str) -> Dataset:
    """The attributes of an N-CREATE (PS3.4 table F.7.2-1)."""
    step = Dataset()
    step.ScheduledStepAttributesSequence = [_scheduled(each) for each in (study, *more_studies)]
    step.PatientName, step.PatientID = "Nobody^Knows", "HOSP-4711"
    step.PerformedProcedureStepID = "P1"
    step.PerformedStationAETitle = "CT1"
    step.PerformedProcedureStepStartDate, step.PerformedProcedureStepStartTime = "20260302", "0710"
    step.PerformedProcedureStepStatus = "IN PROGRESS"
    step.Modality = "CT"
    step.PerformedSeriesSequence = []
    return step


def ended(instances: Sequence[str], state: str = "COMPLETED", *, others: Sequence[str] = ()) -> Dataset:
    """The attributes of a last N-SET: one series of images, and of other objects."""
    series = Dataset()
    series.SeriesInstanceUID, series.ProtocolName = "1.2.3.1", "THORAX"
    series.ReferencedImageSequence = [_referenced(uid) for uid in instances]
    series.ReferencedNonImageCompositeSOPInstanceSequence = [_referenced(uid) for uid in others]
    step = Dataset()
    step.PerformedProcedureStepStatus = state
    step.PerformedProcedureStepEndDate, step.PerformedProcedureStepEndTime = "20260302", "0720"
    step.PerformedSeriesSequence = [series]
    return step


def encoded(data_set: Dataset, syntax: str = ImplicitVRLittleEndian) -> bytes:
    """As it goes over the network."""
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = syntax == ImplicitVRLittleEndian, True
    write_dataset(buffer, data_set)
    return bytes(buffer.getvalue())


def _scheduled(study: str) -> Dataset:
    item = Dataset()
    item.StudyInstanceUID = study
    item.AccessionNumber = "A-17"
    return item


def _referenced(uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = CTImageStorage, uid
    return item
