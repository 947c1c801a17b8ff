"""An N-ACTION that asks for storage commitment, read (PS3.4 J.3.2, table J.3-1)."""

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from processors.dicom.commitment.errors import BadRequestError
from processors.dicom.services import (
    INVALID_ARGUMENT_VALUE,
    NO_SUCH_ACTION,
    NO_SUCH_INSTANCE,
    ServiceRequest,
)
from processors.landing.commitments import ReferencedInstance

WELL_KNOWN_INSTANCE: Final = "1.2.840.10008.1.20.1.1"
_REQUEST_STORAGE_COMMITMENT: Final = 1
"""The one Action Type ID."""
_IMPLICIT: Final = "1.2.840.10008.1.2"
_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
_TRANSACTION_UID: Final = 0x00081195
_REFERENCED_SOP_CLASS_UID: Final = 0x00081150
_REFERENCED_SOP_INSTANCE_UID: Final = 0x00081155
_UID: Final = re.compile(r"[0-9][0-9.]{0,63}")


@dataclass(frozen=True, slots=True, repr=False)
class Asked:
    """What is asked. PHI: it has no revealing repr."""

    transaction_uid: str
    instances: tuple[ReferencedInstance, ...]

    def __repr__(self) -> str:
        return f"Asked({len(self.instances)})"


def read(request: ServiceRequest) -> Asked:
    """Read a request.

    Raises:
        BadRequestError: it is of another kind, for another instance, or its data set is not what it should be.
    """
    if request.sop_instance_uid != WELL_KNOWN_INSTANCE:
        raise BadRequestError("It is not for the well-known instance of storage commitment.", NO_SUCH_INSTANCE)
    if request.type_id != _REQUEST_STORAGE_COMMITMENT:
        raise BadRequestError("Its Action Type ID is not 1.", NO_SUCH_ACTION)
    try:
        return _asked(_data_set(request))
    except (AttributeError, KeyError, ValueError, TypeError, EOFError, struct.error, RecursionError) as error:
        raise BadRequestError("Its data set cannot be read.", INVALID_ARGUMENT_VALUE) from error


def _data_set(request: ServiceRequest) -> Dataset:
    syntax = request.transfer_syntax_uid
    return read_dataset(BytesIO(request.data_set), syntax == _IMPLICIT, syntax != _BIG_ENDIAN)


def _asked(data_set: Dataset) -> Asked:
    named = [_referenced(item) for item in _items(data_set)]
    if not named:
        raise ValueError
    return Asked(_uid(data_set, _TRANSACTION_UID), tuple(dict.fromkeys(named)))


def _items(data_set: Dataset) -> Iterable[Dataset]:
    items: Iterable[Dataset] = data_set.ReferencedSOPSequence
    return items


def _referenced(item: Dataset) -> ReferencedInstance:
    return ReferencedInstance(
        sop_class_uid=_uid(item, _REFERENCED_SOP_CLASS_UID), sop_instance_uid=_uid(item, _REFERENCED_SOP_INSTANCE_UID)
    )


def _uid(data_set: Dataset, tag: int) -> str:
    """A UID that can be kept and repeated, from its bytes: pydicom would warn of a wrong one, and quote it.

    Raises:
        ValueError: it is none.
    """
    value = data_set.get_item(tag).value
    text = value.decode("ascii").rstrip(" \0") if isinstance(value, bytes) else str(value)
    if not _UID.fullmatch(text):
        raise ValueError
    return text
