"""Protocol data units (PS3.8 section 9.3): their types, how long each may be, and the short ones that we send.

A-ASSOCIATE PDUs are read and written by pynetdicom (`negotiate`), the inside of P-DATA-TF by `pdv`.
"""

import struct
from typing import Final

ASSOCIATE_RQ: Final = 0x01
ASSOCIATE_AC: Final = 0x02
ASSOCIATE_RJ: Final = 0x03
P_DATA_TF: Final = 0x04
RELEASE_RQ: Final = 0x05
RELEASE_RP: Final = 0x06
ABORT: Final = 0x07
UNRECOGNIZED: Final = 0x00
"""Stands for every PDU that is unrecognized or invalid: Evt19 of PS3.8 table 9-5."""

MAXIMUM_PDU_BYTES: Final = 131072
"""What we announce as Maximum Length (PS3.8 D.1): no P-DATA-TF may have a longer variable field."""
MAXIMUM_ASSOCIATE_BYTES: Final = 262144
"""128 presentation contexts of 45 transfer syntaxes each take 155 000 bytes."""
_FIXED_BYTES: Final = 4

HEADER: Final = struct.Struct(">BxI")
"""Type and length of the variable field, in bytes."""

_MAXIMUM_LENGTHS: Final = {
    ASSOCIATE_RQ: MAXIMUM_ASSOCIATE_BYTES,
    ASSOCIATE_AC: MAXIMUM_ASSOCIATE_BYTES,
    ASSOCIATE_RJ: _FIXED_BYTES,
    P_DATA_TF: MAXIMUM_PDU_BYTES,
    RELEASE_RQ: _FIXED_BYTES,
    RELEASE_RP: _FIXED_BYTES,
    ABORT: _FIXED_BYTES,
}

BY_USER: Final = 0
BY_PROVIDER: Final = 2
"""Sources of an A-ABORT (PS3.8 9.3.8)."""
NOT_SPECIFIED: Final = 0
UNRECOGNIZED_PDU: Final = 1
UNEXPECTED_PDU: Final = 2
INVALID_PARAMETER: Final = 6
"""Reasons of an A-ABORT by the provider (PS3.8 table 9-26)."""

RELEASE_RP_PDU: Final = HEADER.pack(RELEASE_RP, _FIXED_BYTES) + bytes(_FIXED_BYTES)


def kind_of(pdu_type: int, length: int) -> int:
    """The PDU's type, or `UNRECOGNIZED` if there is no such type or none of this length."""
    return pdu_type if length <= _MAXIMUM_LENGTHS.get(pdu_type, -1) else UNRECOGNIZED


def abort(source: int, reason: int) -> bytes:
    """An A-ABORT (PS3.8 9.3.8); by the user the reason is not significant and 0."""
    return HEADER.pack(ABORT, _FIXED_BYTES) + bytes((0, 0, source, reason))
