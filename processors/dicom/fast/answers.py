"""Responses to C-STORE, C-ECHO, DIMSE-N and requests that we do not know, as P-DATA-TF PDUs (PS3.7 9.3, 10.3)."""

import struct
from functools import lru_cache
from typing import Final

from processors.dicom.fast.command import NO_DATA_SET, RESPONSE, Command
from processors.dicom.fast.pdu import HEADER, P_DATA_TF

UNRECOGNIZED_OPERATION: Final = 0x0211
"""PS3.7 C.5.16."""

_ELEMENT: Final = struct.Struct("<HHI")
_SHORT: Final = struct.Struct("<HHIH")
_LONG: Final = struct.Struct("<HHII")
_PDV: Final = struct.Struct(">IBB")
_COMMAND: Final = 0x01
_LAST: Final = 0x02


def response(command: Command, status: int, context_id: int, maximum_pdu_bytes: int) -> bytes:
    """The response to `command`, ready to be sent.

    Args:
        command: The request; its UIDs are repeated as they came.
        status: Its status (PS3.7 annex C).
        context_id: The presentation context over which the request came.
        maximum_pdu_bytes: What the peer takes, 0 for whatever is sent (PS3.8 D.1).
    """
    elements = b"".join(
        (
            _class(command.sop_class_uid),
            _SHORT.pack(0, 0x0100, 2, command.field | RESPONSE),
            _SHORT.pack(0, 0x0120, 2, command.message_id),
            _SHORT.pack(0, 0x0800, 2, NO_DATA_SET),
            _SHORT.pack(0, 0x0900, 2, status),
            _uid(0x1000, command.sop_instance_uid),
        )
    )
    content = _LONG.pack(0, 0, 4, len(elements)) + elements
    room = max(maximum_pdu_bytes - _PDV.size, 1) if maximum_pdu_bytes else len(content)
    return b"".join(
        _p_data(content[begin : begin + room], context_id, is_last=begin + room >= len(content))
        for begin in range(0, len(content), room)
    )


def _p_data(fragment: bytes, context_id: int, *, is_last: bool) -> bytes:
    control = _COMMAND | _LAST if is_last else _COMMAND
    pdv = _PDV.pack(len(fragment) + 2, context_id, control) + fragment
    return HEADER.pack(P_DATA_TF, len(pdv)) + pdv


@lru_cache(maxsize=64)
def _class(uid: str) -> bytes:
    """Its element: one association's objects are of one class, or of few."""
    return _uid(0x0002, uid)


def _uid(element: int, uid: str) -> bytes:
    if not uid:
        return b""
    value = uid.encode("latin-1")
    value += b"\0" * (len(value) % 2)
    return _ELEMENT.pack(0, element, len(value)) + value
