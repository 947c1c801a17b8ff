"""An N-CREATE or N-SET of a performed procedure step, read (PS3.4 table F.7.2-1).

What is looked at: the attributes that must have a value when a step is made, its state, the studies that it names, and
the instances of its series. Nothing else is kept or checked; attributes of type 2 that are missing are forgiven.
"""

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Final, cast, get_args

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag

from processors.dicom.elements import ElementWalk, encoding_of
from processors.dicom.errors import DataSetError
from processors.dicom.performed_step.errors import BadStepError
from processors.dicom.services import (
    INVALID_ATTRIBUTE_VALUE,
    INVALID_INSTANCE,
    MISSING_ATTRIBUTE,
    MISSING_ATTRIBUTE_VALUE,
    PROCESSING_FAILURE,
    RESOURCE_LIMITATION,
    ServiceRequest,
)
from processors.landing.performed_steps import State

REQUIRED: Final = (
    "ScheduledStepAttributesSequence",
    "PerformedProcedureStepID",
    "PerformedStationAETitle",
    "PerformedProcedureStepStartDate",
    "PerformedProcedureStepStartTime",
    "PerformedProcedureStepStatus",
    "Modality",
)
"""Type 1 of an N-CREATE, in the order in which they are asked for."""
SERIES: Final = "PerformedSeriesSequence"
INSTANCES: Final = ("ReferencedImageSequence", "ReferencedNonImageCompositeSOPInstanceSequence")
_TAGS: Final = {
    keyword: Tag(keyword)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "ReferencedSOPClassUID", "ReferencedSOPInstanceUID")
}
MAXIMUM_ITEMS: Final = 25_000
"""Of all sequences of a request together."""
_ITEM_TAGS: Final = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
"""In little and big endian."""
_SOUGHT: Final[list[BaseTag | int]] = [Tag(keyword) for keyword in (*REQUIRED, SERIES)]
_STATUS: Final = "PerformedProcedureStepStatus"
_STATES: Final = frozenset(get_args(State))
_IMPLICIT: Final = "1.2.840.10008.1.2"
_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
_UID: Final = re.compile(r"[0-9][0-9.]{0,63}")
_UNREADABLE: Final = (
    DataSetError,
    AttributeError,
    KeyError,
    ValueError,
    TypeError,
    NotImplementedError,
    EOFError,
    OSError,
    struct.error,
    RecursionError,
)


@dataclass(frozen=True, slots=True, repr=False)
class Step:
    """What a request says. PHI: it has no revealing repr."""

    state: State | None
    """None if it says nothing of it."""
    studies: frozenset[str]
    """Study Instance UIDs that an N-CREATE names."""
    instances: frozenset[str] | None
    """SOP Instance UIDs of all its series; None if it says nothing of series."""

    def __repr__(self) -> str:
        return f"Step({self.state}, …)"


def read_create(request: ServiceRequest) -> Step:
    """Read an N-CREATE.

    Raises:
        BadStepError: its instance or an attribute is not what it must be, or it cannot be read.
    """
    if request.sop_instance_uid and not _UID.fullmatch(request.sop_instance_uid):
        raise BadStepError(INVALID_INSTANCE)
    return _read(request, _created)


def read_set(request: ServiceRequest) -> Step:
    """Read an N-SET.

    Raises:
        BadStepError: an attribute is not what it must be, or it cannot be read.
    """
    return _read(request, _changed)


def _read(request: ServiceRequest, understand: Callable[[Dataset], Step]) -> Step:
    syntax = request.transfer_syntax_uid
    try:
        _walk_through(request)
        data_set = read_dataset(
            BytesIO(request.data_set), syntax == _IMPLICIT, syntax != _BIG_ENDIAN, specific_tags=_SOUGHT
        )
        return understand(data_set)
    except _UNREADABLE as error:
        raise BadStepError(PROCESSING_FAILURE) from error


def _walk_through(request: ServiceRequest) -> None:
    """See that the data set is whole and encoded as was agreed; pydicom would take less for all.

    Raises:
        DataSetError: it is not.
        BadStepError: it has more items than any step; each would cost a kilobyte before one is looked at.
    """
    if max(request.data_set.count(each) for each in _ITEM_TAGS) > MAXIMUM_ITEMS:
        raise BadStepError(RESOURCE_LIMITATION)
    walk = ElementWalk(encoding_of(request.transfer_syntax_uid), ())
    walk.feed(memoryview(request.data_set))
    walk.finish()


def _created(data_set: Dataset) -> Step:
    for keyword in REQUIRED:
        _must_have(data_set, keyword)
    state = _state(data_set)
    if state != "IN PROGRESS":
        raise BadStepError(INVALID_ATTRIBUTE_VALUE, _STATUS)
    scheduled = _items(data_set, REQUIRED[0])
    return Step(state, frozenset(_uid(item, "StudyInstanceUID") for item in scheduled), _instances(data_set))


def _changed(data_set: Dataset) -> Step:
    state = _state(data_set) if _STATUS in data_set else None
    if state == "COMPLETED" and SERIES in data_set:
        _must_have(data_set, SERIES)
    return Step(state, frozenset(), _instances(data_set))


def _state(data_set: Dataset) -> State:
    _must_have(data_set, _STATUS)
    said = str(data_set.PerformedProcedureStepStatus).strip()
    if said not in _STATES:
        raise BadStepError(INVALID_ATTRIBUTE_VALUE, _STATUS)
    return cast("State", said)


def _instances(data_set: Dataset) -> frozenset[str] | None:
    if SERIES not in data_set:
        return None
    return frozenset(_of_series(_items(data_set, SERIES)))


def _of_series(series: list[Dataset]) -> Iterator[str]:
    for one in series:
        _uid(one, "SeriesInstanceUID")
        for keyword in INSTANCES:
            for item in _items(one, keyword):
                _uid(item, "ReferencedSOPClassUID")
                yield _uid(item, "ReferencedSOPInstanceUID")


def _items(data_set: Dataset, keyword: str) -> list[Dataset]:
    """The items of a sequence; none if it is not there."""
    value = data_set.get(keyword)
    if value is None:
        return []
    if not isinstance(value, Sequence):
        raise BadStepError(INVALID_ATTRIBUTE_VALUE, keyword)
    return list(value)


def _uid(data_set: Dataset, keyword: str) -> str:
    """A UID, from its bytes: to have pydicom make a value of each takes many times as long."""
    tag = _TAGS[keyword]
    if tag not in data_set:
        raise BadStepError(MISSING_ATTRIBUTE, keyword)
    value = data_set.get_item(tag).value
    text = value.decode("latin-1").rstrip(" \0") if isinstance(value, bytes) else str(value or "")
    if not text:
        raise BadStepError(MISSING_ATTRIBUTE_VALUE, keyword)
    if not _UID.fullmatch(text):
        raise BadStepError(INVALID_ATTRIBUTE_VALUE, keyword)
    return text


def _must_have(data_set: Dataset, keyword: str) -> None:
    if keyword not in data_set:
        raise BadStepError(MISSING_ATTRIBUTE, keyword)
    if data_set[keyword].is_empty:
        raise BadStepError(MISSING_ATTRIBUTE_VALUE, keyword)
