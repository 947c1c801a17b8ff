"""Take a multipart body apart while it comes, in whatever pieces (RFC 2046 5.1).

Algorithm:
    1. A delimiter is CRLF, two hyphens and the boundary; the body begins as if a CRLF had come before it.
    2. After it stand two hyphens (the body's end), or blanks and a CRLF (a part's head follows); anything else is
       content that only looks like a delimiter.
    3. What the end of a piece leaves undecided is held back: at most a delimiter, its blanks, or a part's head.
"""

import re
from collections.abc import Mapping
from enum import Enum, auto
from typing import Final, Protocol

from processors.dicom.upload.errors import malformed
from processors.dicom.upload.fields import read_fields

MAXIMUM_HEAD_BYTES: Final = 8192
"""Of a part's header fields."""
_MOST_BLANKS: Final = 64
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_HEAD_END: Final = b"\r\n\r\n"


class Parts(Protocol):
    """Who takes the parts, one after the other."""

    def begin(self, fields: Mapping[str, str]) -> None:
        """A part begins; names of fields are in lower case."""

    def take(self, piece: memoryview) -> None:
        """Bytes of it; the view holds until this returns."""

    def end(self) -> None:
        """It is whole."""


class _State(Enum):
    PREAMBLE = auto()
    HEAD = auto()
    CONTENT = auto()
    EPILOGUE = auto()


class _After(Enum):
    PART = auto()
    CLOSE = auto()
    NEITHER = auto()
    UNDECIDED = auto()


class MultipartReader:
    """Takes one body."""

    def __init__(self, boundary: str, parts: Parts) -> None:
        """Begin.

        Args:
            boundary: As the content type has it.
            parts: Takes what is found.

        Raises:
            RequestError: it is no boundary.
        """
        if not _BOUNDARY.fullmatch(boundary):
            raise malformed("its boundary is none")
        self._delimiter = b"\r\n--" + boundary.encode("ascii")
        self._parts = parts
        self._held = b"\r\n"
        self._state = _State.PREAMBLE

    def feed(self, piece: memoryview) -> None:
        """The next bytes of the body.

        Raises:
            RequestError: the head of a part is none.
        """
        data = self._held + piece if self._held else bytes(piece)
        self._held = b""
        position = 0
        while position < len(data) and self._state is not _State.EPILOGUE:
            step = self._head if self._state is _State.HEAD else self._content
            following = step(data, position)
            if following is None:
                return
            position = following

    def finish(self) -> None:
        """The body has ended.

        Raises:
            RequestError: its closing delimiter did not come, so that something may be missing.
        """
        if self._state is not _State.EPILOGUE:
            raise malformed("it ends before its closing boundary")

    def _head(self, data: bytes, position: int) -> int | None:
        """Read a part's head at `position`, where the CRLF of its delimiter stands: where its content begins."""
        end = data.find(_HEAD_END, position)
        if max(end, len(data) if end < 0 else 0) - position > MAXIMUM_HEAD_BYTES:
            raise malformed("the head of a part is too long")
        if end < 0:
            self._held = data[position:]
            return None
        self._parts.begin(read_fields(data[position:end].split(b"\r\n")[1:]))
        self._state = _State.CONTENT
        return end + len(_HEAD_END)

    def _content(self, data: bytes, position: int) -> int | None:
        """Pass content on up to the next delimiter: where what follows this begins."""
        at = data.find(self._delimiter, position)
        if at < 0:
            at = self._possible(data, position)
            self._pass_on(data, position, at)
            self._held = data[at:]
            return None
        after = at + len(self._delimiter)
        kind, following = _look_after(data, after)
        if kind is _After.NEITHER:  # a boundary has no CR, so the next delimiter begins after this
            self._pass_on(data, position, after)
            return after
        self._pass_on(data, position, at)
        if kind is _After.UNDECIDED:
            self._held = data[at:]
            return None
        if self._state is _State.CONTENT:
            self._parts.end()
        self._state = _State.HEAD if kind is _After.PART else _State.EPILOGUE
        return following

    def _possible(self, data: bytes, position: int) -> int:
        """Where, before the end of `data`, a delimiter may have begun; its end if nowhere."""
        at = data.find(b"\r", max(position, len(data) - len(self._delimiter) + 1))
        while at >= 0 and not self._delimiter.startswith(data[at:]):
            at = data.find(b"\r", at + 1)
        return at if at >= 0 else len(data)

    def _pass_on(self, data: bytes, begin: int, end: int) -> None:
        if end > begin and self._state is _State.CONTENT:
            self._parts.take(memoryview(data)[begin:end])


def _look_after(data: bytes, position: int) -> tuple[_After, int]:
    """What the bytes after a delimiter make of it, and where what follows begins: of a part, at its CRLF."""
    rest = data[position : position + _MOST_BLANKS + 2]
    if rest.startswith(b"--"):
        return _After.CLOSE, position + 2
    blanks = len(rest) - len(rest.lstrip(b" \t"))
    mark = rest[blanks : blanks + 2]
    if mark == b"\r\n":
        return _After.PART, position + blanks
    if mark in {b"", b"\r"} or rest == b"-":
        return (_After.UNDECIDED if len(rest) < _MOST_BLANKS + 2 else _After.NEITHER), position
    return _After.NEITHER, position
