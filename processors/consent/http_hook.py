"""Asks an endpoint of the hospital by POST. It follows no redirect and uses no proxy: either would tell somebody else.

The whole exchange ends at its deadline, however slowly the other side drips.
"""

import contextlib
import http.client
import socket
import ssl
import stat
import threading
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from processors.consent.answer import Answer
from processors.consent.command_hook import MOST_BYTES, understood
from processors.consent.errors import ConsentUnavailableError

_OK: Final = 200


def ask_url(url: str, asked: bytes, timeout_seconds: float, ca_file: Path | None, token_file: Path | None) -> Answer:
    """Ask once.

    Raises:
        ConsentUnavailableError: no answer in time, any status but 200, no answer that is one, or an unusable setting.
    """
    headers = {"Content-Type": "application/json", "Accept": "application/json", "Connection": "close"}
    if token_file is not None:
        headers["Authorization"] = f"Bearer {_token(token_file)}"
    connection = _connection(url, timeout_seconds, ca_file)
    deadline = threading.Timer(timeout_seconds, _cut, (connection,))
    deadline.daemon = True
    deadline.start()
    until = time.monotonic() + timeout_seconds
    parts = urlsplit(url)
    try:
        connection.connect()
        if time.monotonic() >= until:  # the deadline found nothing to cut yet
            raise TimeoutError
        connection.request("POST", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), asked, headers)
        response = connection.getresponse()
        said = response.read(MOST_BYTES + 1) if response.status == _OK else b""
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ConsentUnavailableError("The endpoint about consent did not answer.") from error
    finally:
        deadline.cancel()
        connection.close()
    if response.status != _OK:
        raise ConsentUnavailableError(f"The endpoint about consent answered with status {response.status}.")
    return understood(said)


def _connection(url: str, timeout_seconds: float, ca_file: Path | None) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, parts.port, timeout=timeout_seconds)
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConsentUnavailableError("The certificates of `ca_file` cannot be used.") from error
    return http.client.HTTPSConnection(host, parts.port, timeout=timeout_seconds, context=context)


def _cut(connection: http.client.HTTPConnection) -> None:
    """End the exchange; who waits for a byte gets an error."""
    with contextlib.suppress(OSError, AttributeError):
        socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)  # TLS itself stays: what follows is never read plain


def _token(file: Path) -> str:
    try:
        if stat.S_IMODE(file.stat().st_mode) & 0o077:
            raise ConsentUnavailableError("The token for the endpoint can be read by others than its owner.")
        token = file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConsentUnavailableError("The token for the endpoint cannot be read.") from error
    if not token.isprintable() or not token:
        raise ConsentUnavailableError("The token for the endpoint is none.")
    return token
