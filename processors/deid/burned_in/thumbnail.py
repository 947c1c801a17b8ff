"""A small picture of what was withheld, what was found drawn in: for a person of the trusted zone, never beyond."""

import struct
import zlib
from collections.abc import Iterable

import numpy as np

from processors.deid.burned_in.box import Box
from processors.deid.burned_in.picture import Picture

SIDE = 512
_FOUND = (255, 0, 0)


def thumbnail(picture: Picture, boxes: Iterable[Box] = ()) -> bytes:
    """A PNG at most `SIDE` pixels wide and high; boxes are drawn as red lines.

    The picture is made smaller by taking pixels, not means, so that thin letters stay readable as far as they can.
    """
    step = max(1, -(-max(picture.shape[:2]) // SIDE))
    small = np.ascontiguousarray(picture[::step, ::step])
    rows, columns = small.shape[:2]
    for each in boxes:
        box = Box(each.left // step, each.top // step, each.right // step, each.bottom // step).within(columns, rows)
        if box.area:
            small[[box.top, box.bottom - 1], box.left : box.right] = _FOUND
            small[box.top : box.bottom, [box.left, box.right - 1]] = _FOUND
    return png(small)


def png(picture: Picture) -> bytes:
    """A picture of any size as PNG (ISO/IEC 15948), eight bits a sample."""
    rows, columns = picture.shape[:2]
    lines = np.zeros((rows, columns * 3 + 1), np.uint8)
    lines[:, 1:] = picture.reshape(rows, columns * 3)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
