"""What the service and the process of large bodies tell each other about one body, over a socket of its own.

1. The service sends what it asks, and what came of the body already.
2. While the process reads, the service may say that it ends (`STOPPING`), or close its side: the body is given up.
3. The process answers once: how it ended, and what it found. A socket that closes without an answer is its death.

All of it is JSON and records of fixed form with their lengths before them: nothing that could be run.
"""

import json
import socket
import struct
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from handoff.shipments.stream import SeenMember

STOPPING = b"s"
"""What the service says when what still comes is refused."""
_LENGTH = struct.Struct("!I")
_MEMBER = struct.Struct("!QQI?32sH")
"""Begin, size, checksum, whether it has a digest, the digest, bytes of the header that follows."""
_NO_DIGEST = bytes(32)
End = Literal["whole", "gone", "slow", "stopping", "disk", "failed"]


class Stream(Protocol):
    """What is heard; it may give less than was asked for."""

    def read(self, size: int, /) -> bytes | None:
        """The next bytes, or none at its end."""


class BrokenOffError(Exception):
    """The other side is gone in the middle of what it says."""


@dataclass(frozen=True, slots=True)
class Errand:
    """Read so many bytes of a body after those that came, no slower than this; note so many members at most, or none.

    It has the limits of a pace (`handoff.bulk.pace`).
    """

    left: int
    silence_seconds: float
    slowest_bytes_per_second: float
    most_members: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended, and the bytes that were read from the socket.

    `size` and `sha256` are those of the whole body, if it ended `whole`; `number` is the error of the disk, and `cause`
    the name of one that nobody foresaw.
    """

    end: End
    read: int
    size: int = 0
    sha256: str = ""
    number: int = 0
    cause: str = ""


def ask(channel: socket.socket, errand: Errand, came: bytes) -> None:
    """Say what is to be done."""
    channel.sendall(_framed(asdict(errand)) + _LENGTH.pack(len(came)) + came)


def asked(stream: Stream) -> tuple[Errand, bytes]:
    """What is to be done, and what came already.

    Raises:
        BrokenOffError: the service is gone.
    """
    return Errand(**_document(stream)), _exactly(stream, *_LENGTH.unpack(_exactly(stream, _LENGTH.size)))


def answer(channel: socket.socket, outcome: Outcome, seen: dict[int, SeenMember]) -> None:
    """Say how it ended, and what members came."""
    records = b"".join(_records(seen))
    channel.sendall(_framed({**asdict(outcome), "members": len(seen)}) + records)


def answered(stream: Stream) -> tuple[Outcome, dict[int, SeenMember]]:
    """How it ended, and the members by their begin.

    Raises:
        BrokenOffError: the process died.
    """
    document = _document(stream)
    members = document.pop("members")
    return Outcome(**document), dict(_member(stream) for _ in range(members))


def _records(seen: dict[int, SeenMember]) -> Iterable[bytes]:
    for start, member in seen.items():
        digest = _NO_DIGEST if member.digest is None else bytes.fromhex(member.digest)
        facts = member.size, member.crc, member.digest is not None, digest, len(member.header)
        yield _MEMBER.pack(start, *facts) + member.header


def _member(stream: Stream) -> tuple[int, SeenMember]:
    start, size, crc, known, digest, length = _MEMBER.unpack(_exactly(stream, _MEMBER.size))
    return start, SeenMember(size, digest.hex() if known else None, crc, _exactly(stream, length))


def _framed(document: dict[str, Any]) -> bytes:
    text = json.dumps(document).encode()
    return _LENGTH.pack(len(text)) + text


def _document(stream: Stream) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(_exactly(stream, *_LENGTH.unpack(_exactly(stream, _LENGTH.size))))
    return document


def _exactly(stream: Stream, size: int) -> bytes:
    found = b""
    while len(found) < size:
        try:
            some = stream.read(size - len(found))
        except ConnectionError as error:
            raise BrokenOffError from error
        if not some:
            raise BrokenOffError
        found += some
    return found
