"""An N-ACTION that asks for storage commitment, read (PS3.4 J.3.2, table J.3-1)."""

import re
from dataclasses import dataclass
from typing import Final

from processors.dicom.commitment.errors import BadRequestError
from processors.dicom.elements import encoding_of
from processors.dicom.errors import DataSetError
from processors.dicom.items import values
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
_TRANSACTION_UID: Final = 0x00081195
_REFERENCED_SOP_CLASS_UID: Final = 0x00081150
_REFERENCED_SOP_INSTANCE_UID: Final = 0x00081155
_REFERENCED_SOP_SEQUENCE: Final = 0x00081199
_SOUGHT: Final = frozenset({_TRANSACTION_UID, _REFERENCED_SOP_CLASS_UID, _REFERENCED_SOP_INSTANCE_UID})
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
        return _asked(request)
    except (DataSetError, KeyError, ValueError) as error:
        raise BadRequestError("Its data set cannot be read.", INVALID_ARGUMENT_VALUE) from error


def _asked(request: ServiceRequest) -> Asked:
    encoding = encoding_of(request.transfer_syntax_uid)
    if encoding.deflated:
        raise ValueError
    found = values(request.data_set, encoding, _REFERENCED_SOP_SEQUENCE, _SOUGHT)
    named = dict.fromkeys(
        (_uid(item[_REFERENCED_SOP_CLASS_UID]), _uid(item[_REFERENCED_SOP_INSTANCE_UID])) for item in found.items
    )
    if not named:
        raise ValueError
    instances = (
        ReferencedInstance(sop_class_uid=sop_class, sop_instance_uid=instance) for sop_class, instance in named
    )
    return Asked(_uid(found.top[_TRANSACTION_UID]), tuple(instances))


def _uid(value: bytes) -> str:
    """A UID that can be kept and repeated.

    Raises:
        ValueError: it is none.
    """
    text = value.decode("ascii").rstrip(" \0")
    if not _UID.fullmatch(text):
        raise ValueError
    return text
