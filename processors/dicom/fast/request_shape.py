"""Whether an A-ASSOCIATE-RQ has the shape of one, before anybody makes objects of what is in it (PS3.8 9.3.2).

A request of 256 KB can hold ten thousand presentation contexts or sub-items. To read and answer them would keep all
other associations waiting for seconds; to count them costs next to nothing.
"""

import struct
from collections.abc import Iterator
from typing import Final

from processors.dicom.fast.errors import ProtocolError

MAXIMUM_CONTEXTS: Final = 128
"""Their ids are the odd numbers of a byte (PS3.8 9.3.2.2)."""
MAXIMUM_SYNTAXES: Final = 10_000
"""Of all contexts together; 128 contexts with all 45 transfer syntaxes have 5,760."""
MAXIMUM_USER_ITEMS: Final = 1_000
"""Sub-items of the user information: a few for each context (roles, extended negotiation)."""
_MAXIMUM_ITEMS: Final = MAXIMUM_CONTEXTS + 16
_ITEMS_BEGIN: Final = 74
_CONTEXT: Final = 0x20
_CONTEXT_HEAD_BYTES: Final = 4
_USER_INFORMATION: Final = 0x50
_ITEM: Final = struct.Struct(">BxH")


def check_shape(content: bytes) -> None:
    """Look at the items of an A-ASSOCIATE-RQ, header included, by their lengths alone.

    Raises:
        ProtocolError: a length lies, or there are more items, contexts or sub-items than a request can have.
    """
    ids: set[int] = set()
    syntaxes = user_items = 0
    for items, (kind, begin, end) in enumerate(_items(content, _ITEMS_BEGIN, len(content)), 1):
        if kind == _CONTEXT:
            if begin == end or content[begin] in ids:
                raise _malformed("two presentation contexts with one id, or one without")
            ids.add(content[begin])
            syntaxes += sum(1 for _ in _items(content, begin + _CONTEXT_HEAD_BYTES, end))
        elif kind == _USER_INFORMATION:
            user_items += 1 + sum(1 for _ in _items(content, begin, end))
        if items > _MAXIMUM_ITEMS or syntaxes > MAXIMUM_SYNTAXES or user_items > MAXIMUM_USER_ITEMS:
            raise _malformed("more items than a request can have")


def _items(content: bytes, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Type, and begin and end of the value of each item between two places."""
    while begin < end:
        if end - begin < _ITEM.size:
            raise _malformed("an item without a length")
        kind, length = _ITEM.unpack_from(content, begin)
        begin += _ITEM.size
        if length > end - begin:
            raise _malformed("an item that is longer than what holds it")
        yield kind, begin, begin + length
        begin += length


def _malformed(what: str) -> ProtocolError:
    return ProtocolError(f"An A-ASSOCIATE-RQ has {what}.", cause="associate-malformed")
