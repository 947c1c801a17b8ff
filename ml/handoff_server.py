"""The handoff as a step asks it: again and again until it answers, for each request may be repeated.

1. A connection that is refused, lost or silent, and 408, 425, 429 and 5xx, are worth another attempt: later each time,
   not before `Retry-After`, and for as long as the patience lasts, so that a step outlives a restart of the service.
   It is counted from the first failure since bytes of a file came, for a large one may itself take longer.
2. A download that broke off goes on at its byte where the answer allows it, and is compared with its digest at the end.
3. The token stands in one header, no redirect is followed and no proxy asked. Of an answer that refuses nothing is
   repeated but its code.
"""

import errno
import hashlib
import http.client
import json
import random
import ssl
import threading
import time
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from ml.errors import BatchError, HandoffError

PATIENCE_SECONDS = 600.0
DIGEST_HEADER = "Sluice-SHA256"
_SILENCE_SECONDS = 300.0
"""Longest wait for a byte: the answer to a large file comes once the store has it."""
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 15.0
_MOST_DIGESTS = 3
"""Whole downloads that may differ from their digest before it is no accident."""
_BLOCK = 1 << 20
_LATER = frozenset({408, 425, 429, 500, 502, 503, 504, 507})
_OF_THIS_MACHINE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE})
"""What waiting for the handoff does not mend: the disk of the step is full or broken, or it has no descriptor left."""
_WHOLE, _PART, _REFUSED = 200, 206, 400


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that says yes, or no for good."""

    status: int
    content: bytes = b""
    attempts: int = 1

    @property
    def code(self) -> str:
        """The code of a refusal; what else it says may name what was asked for."""
        try:
            said = json.loads(self.content)
            code = str(said["code"])
        except (ValueError, KeyError, TypeError):
            code = ""
        return code if code.replace("-", "").isalnum() and code.isascii() else f"http-{self.status}"


class _BrokenError(Exception):
    """The answer did not come whole, or says that another attempt may help; `seconds` is when at the earliest."""

    def __init__(self, what: str, seconds: float = 0.0) -> None:
        super().__init__(what)
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    path: str
    body: Path | bytes
    headers: Mapping[str, str] = field(repr=False)


class HandoffServer:
    """One server; threads ask it over connections of their own."""

    def __init__(
        self,
        url: str,
        ca_file: Path | None = None,
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
            raise HandoffError("the environment names no handoff that could be asked.")
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._root = parts.path.rstrip("/")
        self._ca_file = ca_file
        self._patience = patience_seconds
        self._sleep, self._clock = sleep, clock
        self._own = threading.local()

    def ask(
        self,
        method: str,
        path: str,
        token: str,
        *,
        body: Path | bytes = b"",
        headers: Mapping[str, str] | None = None,
        into: BinaryIO | None = None,
        later: Container[str] = (),
    ) -> Answer:
        """Ask until there is an answer; what it holds goes into a file, if one is given and it says yes.

        Args:
            method: of HTTP; one that may be repeated.
            path: with its query, quoted.
            token: for the header.
            body: what is sent; a file is sent from its disk.
            headers: besides those of token and length.
            into: an empty file, to be read and written.
            later: codes of refusals that are worth another attempt.

        Raises:
            HandoffError: there was none in time, or the server is not who it should be.
            OSError: the disk of this machine is full or broken.
            BatchError: what comes is never what its digest says.
        """
        request = _Request(method, self._root + path, body, {**(headers or {}), "Authorization": f"Bearer {token}"})
        download = _Download(into)
        broken_at, had = None, 0
        for attempt in count(1):
            try:
                answer = self._once(request, download, later)
                return replace(answer, attempts=attempt)
            except ssl.SSLCertVerificationError:
                self.close()
                raise HandoffError("the certificate of the handoff cannot be trusted.") from None
            except (OSError, http.client.HTTPException, _BrokenError) as error:
                self.close()
                if isinstance(error, OSError) and error.errno in _OF_THIS_MACHINE:
                    raise
                now = self._clock()
                if broken_at is None or download.size > had:
                    broken_at, had = now, download.size
                pause = max(_pause(attempt), getattr(error, "seconds", 0.0))
                if now + pause > broken_at + self._patience:
                    what = str(error) if isinstance(error, _BrokenError) else type(error).__name__
                    message = f"the handoff did not answer ({what})."
                    raise HandoffError(message) from None
            self._sleep(pause)
        raise AssertionError  # pragma: no cover

    def _once(self, request: "_Request", download: "_Download", later: Container[str]) -> Answer:
        response = self._send(request, download.headers())
        if response.status in {_WHOLE, _PART} and download.wanted:
            download.take(response)
            return Answer(response.status)
        answer = Answer(response.status, response.read())
        if answer.status in _LATER or (answer.status >= _REFUSED and answer.code in later):
            raise _BrokenError(answer.code, _seconds(response.getheader("Retry-After") or ""))
        return answer

    def _send(self, request: "_Request", more: Mapping[str, str]) -> http.client.HTTPResponse:
        connection = self._connection()
        sent = {**request.headers, **more}
        try:
            if isinstance(request.body, Path):
                with request.body.open("rb") as stream:
                    sent["Content-Length"] = str(request.body.stat().st_size)
                    connection.request(request.method, request.path, stream, sent)
            else:
                connection.request(request.method, request.path, request.body or None, sent)
        except (BrokenPipeError, ConnectionResetError):
            if connection.sock is None:
                raise
            # A refusal may overtake a body, and is an answer all the same.
        return connection.getresponse()

    def _connection(self) -> http.client.HTTPConnection:
        held: _Held | None = getattr(self._own, "held", None)
        if held is None:
            held = self._own.held = _Held(self._open())
        return held.connection

    def _open(self) -> http.client.HTTPConnection:
        host, port, silence = self._host, self._port, _SILENCE_SECONDS
        if not self._secure:
            return http.client.HTTPConnection(host, port, timeout=silence, blocksize=_BLOCK)
        try:
            context = ssl.create_default_context(cafile=None if self._ca_file is None else str(self._ca_file))
        except OSError:
            raise HandoffError("the file of certificates for the handoff cannot be read.") from None
        return http.client.HTTPSConnection(host, port, timeout=silence, context=context, blocksize=_BLOCK)

    def close(self) -> None:
        """Let go of this thread's connection; another one is made when it is needed."""
        held: _Held | None = getattr(self._own, "held", None)
        self._own.held = None
        if held is not None:
            held.connection.close()


@dataclass(frozen=True, slots=True)
class _Held:
    """The connection of a thread, which ends with it."""

    connection: http.client.HTTPConnection

    def __del__(self) -> None:
        self.connection.close()


class _Download:
    """What came of a file so far."""

    def __init__(self, into: BinaryIO | None) -> None:
        self._into = into
        self._hash = hashlib.sha256()
        self._size = 0
        self._differed = 0

    @property
    def wanted(self) -> bool:
        return self._into is not None

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return self._size

    def headers(self) -> dict[str, str]:
        """What asks for the rest."""
        return {"Range": f"bytes={self._size}-"} if self._size else {}

    def take(self, response: http.client.HTTPResponse) -> None:
        """Write an answer's bytes behind those that are there, or in their place.

        Raises:
            _BrokenError: fewer came than were announced, or they are not what their digest says.
            BatchError: that happened too often.
        """
        assert self._into is not None
        goes_on = response.status == _PART and (response.getheader("Content-Range") or "").startswith(
            f"bytes {self._size}-"
        )
        if not goes_on:
            self._begin()
            if response.status == _PART:
                raise _BrokenError("http-206")
        announced = response.getheader("Content-Length")
        due = self._size + int(announced) if announced and announced.isdecimal() else None
        while block := response.read(_BLOCK):
            self._into.write(block)
            self._hash.update(block)
            self._size += len(block)
        if due is not None and self._size != due:
            raise _BrokenError("cut-off")
        expected = response.getheader(DIGEST_HEADER)
        if expected is not None and expected != self._hash.hexdigest():
            self._differed += 1
            self._begin()
            if self._differed == _MOST_DIGESTS:
                raise BatchError("a file of the batch is not what the handoff says it is: its digest differs.")
            raise _BrokenError("digest")

    def _begin(self) -> None:
        assert self._into is not None
        self._into.seek(0)
        self._into.truncate()
        self._hash, self._size = hashlib.sha256(), 0


def _pause(attempt: int) -> float:
    """Seconds before the next attempt: doubled each time, and of many steps each another."""
    longest = min(_LONGEST_PAUSE_SECONDS, _FIRST_PAUSE_SECONDS * 2 ** min(attempt - 1, 10))
    return random.uniform(longest / 2, longest)


def _seconds(said: str) -> float:
    return min(float(said), 4 * _LONGEST_PAUSE_SECONDS) if said.isdecimal() else 0.0
