"""The head of a request: request line and header fields (RFC 9112 2 to 5)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from processors.dicom.fast.wire import Wire
from processors.dicom.upload.errors import RequestError, malformed
from processors.dicom.upload.fields import read_fields

MAXIMUM_HEAD_BYTES: Final = 32768
_TLS_HANDSHAKE: Final = 0x16
_MOST_EMPTY: Final = 4
_LINE: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP/([0-9])\.([0-9])")


@dataclass(frozen=True, slots=True, repr=False)
class RequestHead:
    """A request without its body; it may hold a token and has no revealing repr."""

    method: str
    path: str
    """Of the target, as it was written: nothing is decoded, and no query."""
    fields: Mapping[str, str]
    stays_open: bool
    """Whether the sender may send another request after this one (RFC 9112 9.3)."""

    def __repr__(self) -> str:
        return "RequestHead(…)"

    @property
    def token(self) -> str | None:
        """The bearer token (RFC 6750 2.1); None if there is none. Another scheme is a token that nobody has."""
        shown = self.fields.get("authorization")
        if shown is None:
            return None
        scheme, _, token = shown.partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""


def read_head(wire: Wire) -> RequestHead:
    """The next request's head.

    Raises:
        RequestError: it is none.
        LostError: the connection ends within it.
        SilentError: it does not come in time.
    """
    lines = _lines(wire)
    match = _LINE.fullmatch(lines[0])
    if match is None:
        raise malformed("its first line is no request line")
    method, target, major, minor = (part.decode("ascii") for part in match.groups())
    if major != "1":
        raise RequestError(505, "Only HTTP/1.1 is spoken here.", "another version of HTTP", "upload-not-served")
    fields = read_fields(lines[1:])
    if minor != "0" and "host" not in fields:
        raise malformed("it names no host")
    options = {each.strip().lower() for each in fields.get("connection", "").split(",")}
    return RequestHead(method, _path(target), fields, stays_open=minor != "0" and "close" not in options)


def _lines(wire: Wire) -> list[bytes]:
    lines: list[bytes] = []
    left = MAXIMUM_HEAD_BYTES
    before = _first(wire)
    while True:
        line, before = before + wire.through(b"\n", left), b""
        left -= len(line)
        if not line.endswith(b"\n"):
            raise RequestError(431, "The head of the request is too long.", "its head is too long")
        line = line[:-1].removesuffix(b"\r")
        if line:
            lines.append(line)
        else:
            return lines


def _first(wire: Wire) -> bytes:
    """The first byte, which tells others who have mistaken the port before they wait for an answer."""
    first = b"\n"
    passed = 0
    while first in b"\r\n" and passed < _MOST_EMPTY:  # empty lines before a request are passed over (RFC 9112 2.2)
        first = bytes(wire.some(1))
        passed += 1
    if first[0] == _TLS_HANDSHAKE:
        raise RequestError(400, "There is no TLS on this port.", "", "tls-on-plain-port")
    if not first.isalpha():
        raise malformed("its first line is no request line")
    return first


def _path(target: str) -> str:
    """The path of an origin-form or absolute-form target (RFC 9112 3.2)."""
    if target.startswith("/"):
        return target.partition("?")[0]
    try:
        return urlsplit(target).path or "/"
    except ValueError:
        raise malformed("its target is none") from None
