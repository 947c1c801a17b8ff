"""The body of a request as it comes: by its length, or in chunks (RFC 9112 6 and 7)."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from processors.dicom.upload.errors import RequestError, malformed
from processors.dicom.upload.fields import read_fields
from processors.dicom.upload.patience import Patience

_LENGTH: Final = re.compile(r"[0-9]{1,18}")
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")
_LONGEST_LINE: Final = 1024
_MOST_TRAILER_BYTES: Final = 8192
_CHUNKED: Final = -1


class Body:
    """One body; read once, to its end or not."""

    def __init__(self, length: int, patience: Patience) -> None:
        """Begin.

        Args:
            length: As `length_of` has it.
            patience: Where it comes from.
        """
        self._length, self._patience = length, patience
        self.is_read = length == 0
        """Whether all of it has come, so that another request may follow."""

    def pieces(self) -> Iterator[memoryview]:
        """Its bytes; each view holds until the next is asked for.

        Raises:
            RequestError: a chunk is none.
            LostError: the connection ends before it.
            SilentError: it does not come in time.
        """
        if self._length == _CHUNKED:
            yield from self._chunks()
        else:
            yield from self._counted(self._length)
        self.is_read = True

    def _counted(self, count: int) -> Iterator[memoryview]:
        while count:
            piece = self._patience.some(count)
            count -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[memoryview]:
        while True:
            match = _CHUNK.fullmatch(self._line())
            if match is None:
                raise malformed("a chunk has no length")
            size = int(match[1], 16)
            if not size:
                return self._trailer()
            yield from self._counted(size)
            if self._line():
                raise malformed("a chunk is longer than its length")

    def _trailer(self) -> None:
        """Fields after the body are read and mean nothing to us."""
        left = _MOST_TRAILER_BYTES
        while line := self._line():
            left -= len(line)
            if left < 0:
                raise malformed("its trailer is too long")
            read_fields([line])

    def _line(self) -> bytes:
        line = self._patience.line(_LONGEST_LINE)
        if not line.endswith(b"\r\n"):
            raise malformed("a line between chunks is too long, or has no end")
        return line[:-2]


def length_of(fields: Mapping[str, str]) -> int:
    """Bytes of the body, a negative number if it comes in chunks, 0 if there is none (RFC 9112 6.3).

    Raises:
        RequestError: it says both, or none that can be understood: what follows could be body or request.
    """
    coding, length = fields.get("transfer-encoding"), fields.get("content-length")
    if coding is not None:
        if length is not None:
            raise malformed("it has a length and comes in chunks")
        if coding.lower() != "chunked":
            raise RequestError(
                501, "The only transfer coding here is chunked.", "a transfer coding", "upload-not-served"
            )
        return _CHUNKED
    if length is None:
        return 0
    if not _LENGTH.fullmatch(length):
        raise malformed("its length is none")
    return int(length)
