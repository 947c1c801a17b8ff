"""Inflate a deflated data set as it comes, in blocks, so that neither memory nor time follow what a bomb wants."""

import zlib
from collections.abc import Iterator
from typing import Final

from processors.dicom.errors import MalformedError, TruncatedError

MAXIMUM_INFLATED_BYTES: Final = 1 << 28
_BLOCK_BYTES: Final = 65536


class Inflater:
    """One deflated data set (PS3.5 A.5)."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
        self._inflated = 0

    def inflate(self, data: memoryview) -> Iterator[memoryview]:
        """What `data`, the next bytes, inflates to, in blocks; what follows the end of the stream is passed over.

        Raises:
            MalformedError: it is no deflated stream, or inflates to more than `MAXIMUM_INFLATED_BYTES`.
        """
        rest: bytes | memoryview = data
        while not self._stream.eof:
            try:
                block = self._stream.decompress(rest, _BLOCK_BYTES)
            except zlib.error:
                raise MalformedError("The deflated data set cannot be inflated.") from None
            self._inflated += len(block)
            if self._inflated > MAXIMUM_INFLATED_BYTES:
                raise MalformedError("The deflated data set inflates beyond the limit.")
            yield memoryview(block)
            rest = self._stream.unconsumed_tail
            if not rest and len(block) < _BLOCK_BYTES:
                return

    def finish(self) -> None:
        """No more bytes come.

        Raises:
            TruncatedError: the stream has not come to its end.
        """
        if not self._stream.eof:
            raise TruncatedError("The deflated data set ends early.")
