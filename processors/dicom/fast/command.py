"""Command sets as they come in (PS3.7 section 6.3 and annex E): implicit VR little endian, group 0000 only."""

import struct
from dataclasses import dataclass
from typing import Final

from processors.dicom.fast.errors import ProtocolError
from processors.dicom.services import Operation

C_STORE_RQ: Final = 0x0001
C_ECHO_RQ: Final = 0x0030
C_CANCEL_RQ: Final = 0x0FFF
N_OPERATIONS: Final = frozenset(Operation)
RESPONSE: Final = 0x8000
"""The bit that makes a response of a request's Command Field (PS3.7 E.1)."""
NO_DATA_SET: Final = 0x0101
"""The one value of Command Data Set Type that says that no data set follows."""

MAXIMUM_COMMAND_BYTES: Final = 16384
"""A C-STORE-RQ has some 200 bytes."""

_ELEMENT: Final = struct.Struct("<HHI")
_AFFECTED_SOP_CLASS_UID: Final = 0x0002
_REQUESTED_SOP_CLASS_UID: Final = 0x0003
_COMMAND_FIELD: Final = 0x0100
_MESSAGE_ID: Final = 0x0110
_COMMAND_DATA_SET_TYPE: Final = 0x0800
_AFFECTED_SOP_INSTANCE_UID: Final = 0x1000
_REQUESTED_SOP_INSTANCE_UID: Final = 0x1001
_EVENT_TYPE_ID: Final = 0x1002
_ACTION_TYPE_ID: Final = 0x1008


@dataclass(frozen=True, slots=True, repr=False)
class Command:
    """What we need of a command set. PHI: it has no revealing repr."""

    field: int
    message_id: int
    has_data_set: bool
    sop_class_uid: str
    sop_instance_uid: str
    type_id: int = 0
    """Action Type ID or Event Type ID."""

    def __repr__(self) -> str:
        return f"Command({self.field:#06x}, …)"


def parse_command(content: bytes | bytearray) -> Command:
    """Read a whole command set.

    Raises:
        ProtocolError: it is none, or has no Command Field.
    """
    found: dict[int, bytes] = {}
    content = bytes(content)
    position, end = 0, len(content)
    try:
        while position < end:
            group, element, length = _ELEMENT.unpack_from(content, position)
            position += 8 + length
            if group or position > end:
                raise ProtocolError("A command set holds something else than command elements.")
            found[element] = content[position - length : position]
    except struct.error as error:
        raise ProtocolError("A command set ends inside an element.") from error
    return Command(
        field=_number(found, _COMMAND_FIELD),
        message_id=_number(found, _MESSAGE_ID, 0),
        has_data_set=_number(found, _COMMAND_DATA_SET_TYPE, NO_DATA_SET) != NO_DATA_SET,
        sop_class_uid=_uid(found.get(_AFFECTED_SOP_CLASS_UID) or found.get(_REQUESTED_SOP_CLASS_UID, b"")),
        sop_instance_uid=_uid(found.get(_AFFECTED_SOP_INSTANCE_UID) or found.get(_REQUESTED_SOP_INSTANCE_UID, b"")),
        type_id=_number(found, _ACTION_TYPE_ID if _ACTION_TYPE_ID in found else _EVENT_TYPE_ID, 0),
    )


def _number(found: dict[int, bytes], element: int, default: int | None = None) -> int:
    value = found.get(element)
    if value is None and default is not None:
        return default
    if value is None or len(value) != 2:
        raise ProtocolError("A command element that must be there is missing, or no number.")
    return int.from_bytes(value, "little")


def _uid(value: bytes) -> str:
    """A UID; other bytes than ASCII are kept one to one, so that nothing different becomes equal."""
    return value.decode("latin-1").strip(" \0")
