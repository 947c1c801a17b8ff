"""RLE compressed frames (PS3.5 G): bytes between and behind the runs, where anything could hide."""

import struct

from processors.deid.reasons import Reason, RejectedError

_HEADER = struct.Struct("<16L")
_NOTHING = 128


def paddings(frame: memoryview, plane: int) -> list[tuple[int, int]]:
    """The spans of a frame that no run belongs to, where they are more than one zero.

    Args:
        frame: one fragment, which holds one frame.
        plane: pixels of a frame; each segment decodes to one byte for each.

    Raises:
        RejectedError: the header or a segment is not well-formed.
    """
    if len(frame) < _HEADER.size:
        raise RejectedError(Reason.PIXELS_MISMATCH)
    count, *offsets = _HEADER.unpack_from(frame)
    starts, unused = offsets[:count], offsets[count:]
    ordered = sorted(set(starts)) == starts and starts[:1] == [_HEADER.size] and starts[-1] <= len(frame)
    if not ordered or any(unused):
        raise RejectedError(Reason.PIXELS_MISMATCH)
    ends = [_decoded(frame, start, plane) for start in starts]
    gaps = zip(ends, [*starts[1:], len(frame)], strict=True)
    if any(end > stop for end, stop in zip(ends, [*starts[1:], len(frame)], strict=True)):
        raise RejectedError(Reason.PIXELS_MISMATCH)
    return [(end, stop) for end, stop in gaps if stop - end > 1 or bytes(frame[end:stop]).strip(b"\0")]


def _decoded(frame: memoryview, pos: int, plane: int) -> int:
    """Where the runs from `pos` have given one byte for each pixel."""
    size = len(frame)
    while plane > 0:
        if pos >= size:
            raise RejectedError(Reason.PIXELS_MISMATCH)
        run = frame[pos]
        if run < _NOTHING:
            pos += run + 2
            plane -= run + 1
        else:
            pos += 1 if run == _NOTHING else 2
            plane -= 257 - run if run > _NOTHING else 0
    if pos > size:
        raise RejectedError(Reason.PIXELS_MISMATCH)
    return pos
