"""Buffers that are used again: each new one is emptied page by page, and each old one taken back from all cores."""

from typing import Final

BUFFER_BYTES: Final = 262144
MOST_IDLE: Final = 16
"""So many are kept for the next connections: 4 MB."""

_idle: Final[list[bytearray]] = []


def take(size: int) -> bytearray:
    """A buffer of `size` bytes; what is in it is no matter of whoever gets it."""
    if size == BUFFER_BYTES:
        try:
            return _idle.pop()
        except IndexError:
            pass
    return bytearray(size)


def give_back(buffer: bytearray) -> None:
    """Nobody looks into `buffer` any more."""
    if len(buffer) == BUFFER_BYTES and len(_idle) < MOST_IDLE:
        _idle.append(buffer)
