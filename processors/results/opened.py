"""Bytes to a data set, with care: the strict parser reads them first, within its bounds."""

from io import BytesIO

from pydicom import dcmread
from pydicom.dataset import Dataset

from processors.deid.parse import Parser
from processors.deid.part10 import opened as part10
from processors.deid.part10 import transfer_syntax_of
from processors.deid.reasons import RejectedError
from processors.results.profile import Kind, ReturnProfile
from processors.results.reasons import HeldError, Reason


def opened(content: bytes, profile: ReturnProfile) -> tuple[Dataset, Kind]:
    """The data set of an object, and which kind it is.

    Raises:
        HeldError: it is not well-formed, or of a kind or encoding that is not taken back.
    """
    try:
        if transfer_syntax_of(memoryview(content)) not in profile.transfer_syntaxes:
            raise HeldError(Reason.TRANSFER_SYNTAX_NOT_ALLOWED)  # before a deflated one is inflated
        part = part10(memoryview(content))
        Parser(part.buffer, part.form).parse(part.start)
    except RejectedError as error:
        raise HeldError(Reason.MALFORMED) from error
    dataset = _read(content)
    sop_class = str(dataset.get("SOPClassUID", ""))
    kind = profile.kind(sop_class)
    if kind is None or str(dataset.file_meta.get("MediaStorageSOPClassUID", "")) != sop_class:
        raise HeldError(Reason.CLASS_NOT_ALLOWED)
    return dataset, kind


def _read(content: bytes) -> Dataset:
    try:
        dataset: Dataset = dcmread(BytesIO(content))
        for element in (*dataset.file_meta, *dataset.iterall()):  # pydicom reads values late; a bad one must show here
            _ = element.value
    except Exception as error:  # pydicom raises what it likes over bad values, and quotes them
        raise HeldError(Reason.MALFORMED) from error
    return dataset
