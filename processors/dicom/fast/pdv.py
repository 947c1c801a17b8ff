"""The inside of a P-DATA-TF PDU: presentation data values, parsed where they lie (PS3.8 9.3.5 and annex E).

A fragment is handed on in as many pieces as the buffer holds it in; a PDU or a fragment is never waited for as a whole.
"""

import struct
from typing import Final, Protocol

from processors.dicom.fast.errors import ProtocolError
from processors.dicom.fast.wire import Wire

_ITEM: Final = struct.Struct(">IBB")
_CONTEXT_AND_CONTROL_BYTES: Final = 2
IS_COMMAND: Final = 0x01
IS_LAST: Final = 0x02
"""Bits of the message control header (PS3.8 E.2); the others are not tested."""


class Fragments(Protocol):
    """Who takes fragments."""

    def begin_fragment(self, context_id: int, *, is_command: bool) -> None:
        """A fragment of a message begins.

        Raises:
            ProtocolError: none of this kind may come now, or not in this context.
        """

    def take(self, piece: memoryview) -> None:
        """Bytes of this fragment; the view holds until the buffer is written anew.

        Raises:
            ProtocolError: there are more than may be.
        """

    def end_fragment(self, *, is_last: bool) -> None:
        """All of the fragment has been taken; with `is_last` also all of the command or of the data set.

        Raises:
            ProtocolError: the command is none.
        """


def read_p_data(wire: Wire, length: int, fragments: Fragments) -> None:
    """Read the variable field of a P-DATA-TF PDU, `length` bytes.

    Raises:
        ProtocolError: the lengths inside do not fit, or a fragment may not come here.
        LostError: the connection ends before.
        SilentError: the rest does not come in time.
    """
    while length:
        if length < _ITEM.size:
            raise ProtocolError("A P-DATA-TF PDU ends inside the head of a presentation data value.")
        item_length, context_id, control = _ITEM.unpack(wire.need(_ITEM.size))
        rest = item_length - _CONTEXT_AND_CONTROL_BYTES
        length -= _ITEM.size + rest
        if rest < 0 or length < 0:
            raise ProtocolError("A presentation data value is longer than its PDU, or has no head.")
        fragments.begin_fragment(context_id, is_command=bool(control & IS_COMMAND))
        while rest:
            piece = wire.some(rest)
            rest -= len(piece)
            fragments.take(piece)
        fragments.end_fragment(is_last=bool(control & IS_LAST))
