"""What precedes the data set in a Part 10 file, read while it comes: preamble, prefix, file meta (PS3.10 7.1).

File meta information is explicit VR little endian. Its group length says where it ends; without one, which the standard
does not allow and some writers do, it ends before the first element of another group. Of it we keep three identifiers:
a file of the landing has a head of our own, as after a C-STORE, and the bytes of the data set as they came. What such
a head says besides, of our own, is read too.
"""

import struct
from typing import Final

from processors.dicom.elements import SHORT_VRS
from processors.dicom.part10 import IMPLEMENTATION_CLASS_UID
from processors.dicom.upload.errors import NotPart10Error

MAXIMUM_BYTES: Final = 65536
_PREAMBLE_BYTES: Final = 128
_PREFIX: Final = b"DICM"
_BEGIN: Final = _PREAMBLE_BYTES + len(_PREFIX)
_GROUP_LENGTH: Final = 0x0000
_SOP_CLASS_UID: Final = 0x0002
_SOP_INSTANCE_UID: Final = 0x0003
_TRANSFER_SYNTAX_UID: Final = 0x0010
_PRIVATE_CREATOR: Final = 0x0100
_PRIVATE_INFORMATION: Final = 0x0102
_SOUGHT: Final = frozenset({_SOP_CLASS_UID, _SOP_INSTANCE_UID, _TRANSFER_SYNTAX_UID, _PRIVATE_CREATOR})
_META_GROUP: Final = 0x0002
_HEAD: Final = struct.Struct("<HH2sH")
_LONG: Final = struct.Struct("<I")


class FileMeta:
    """Takes a file from its first byte to where its data set begins."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._position = 0
        self._end: int | None = None
        self._found: dict[int, str] = {}
        self._private = b""
        self.is_whole = False

    @property
    def has_begun(self) -> bool:
        """Whether preamble and prefix have come."""
        return self._position > 0

    @property
    def sop_class_uid(self) -> str:
        """Media Storage SOP Class UID; empty if it is missing."""
        return self._found.get(_SOP_CLASS_UID, "")

    @property
    def sop_instance_uid(self) -> str:
        """Media Storage SOP Instance UID; empty if it is missing."""
        return self._found.get(_SOP_INSTANCE_UID, "")

    @property
    def transfer_syntax_uid(self) -> str:
        """Transfer Syntax UID; empty if it is missing."""
        return self._found.get(_TRANSFER_SYNTAX_UID, "")

    @property
    def private_information(self) -> bytes:
        """Private Information that `file_head` has written; empty if it is missing, or somebody else's."""
        return self._private if self._found.get(_PRIVATE_CREATOR) == IMPLEMENTATION_CLASS_UID else b""

    def feed(self, data: memoryview) -> tuple[bytes | memoryview, ...]:
        """The next bytes, while this is not whole: what of all that has come is data set, in pieces.

        Raises:
            NotPart10Error: this is no Part 10 file.
        """
        known = len(self._bytes)
        self._bytes += data[: MAXIMUM_BYTES + 1]
        while not self.is_whole and self._step():
            pass
        if not self.is_whole:
            if len(self._bytes) > MAXIMUM_BYTES:
                raise NotPart10Error
            return ()
        before = bytes(self._bytes[self._position : known])  # of pieces that are gone
        self._bytes.clear()
        return before, data[max(self._position - known, 0) :]

    def _step(self) -> bool:
        """Go on by one element; False if more bytes are needed for it."""
        if not self._position:
            if len(self._bytes) < _BEGIN:
                return False
            if self._bytes[_PREAMBLE_BYTES:_BEGIN] != _PREFIX:
                raise NotPart10Error
            self._position = _BEGIN
        if self._end is not None and self._position >= self._end:
            if self._position > self._end:
                raise NotPart10Error
            self.is_whole = True
            return True
        return self._element()

    def _element(self) -> bool:
        at = self._position
        if len(self._bytes) < at + _HEAD.size:
            return False
        group, element, vr, length = _HEAD.unpack_from(self._bytes, at)
        if group != _META_GROUP:
            if self._end is not None or at == _BEGIN:
                raise NotPart10Error
            self.is_whole = True
            return True
        if not vr.isalpha() or not vr.isupper():
            raise NotPart10Error
        value = at + _HEAD.size
        if vr not in SHORT_VRS:
            if len(self._bytes) < value + _LONG.size:
                return False
            length, value = _LONG.unpack_from(self._bytes, value)[0], value + _LONG.size
        if value + length > MAXIMUM_BYTES:
            raise NotPart10Error
        if len(self._bytes) < value + length:
            return False
        self._keep(element, at, value, length)
        self._position = value + length
        return True

    def _keep(self, element: int, at: int, value: int, length: int) -> None:
        content = bytes(self._bytes[value : value + length])
        if element in _SOUGHT:
            self._found[element] = content.decode("latin-1").strip(" \0")
        elif element == _PRIVATE_INFORMATION:
            self._private = content.rstrip(b" ")
        elif element == _GROUP_LENGTH and at == _BEGIN and length == _LONG.size:
            self._end = value + length + _LONG.unpack(content)[0]
