"""A sender that costs little: objects are cut into PDUs before the clock starts, then sent one by one, each answered.

It runs in processes of its own, so that it shares no interpreter with what is measured.
"""

import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.uid import CTImageStorage

from processors.dicom.part10 import data_set_offset
from tests.builders import ct_slice
from tests.unit.receive.raw_peer import CT, accepted, command, pdu, pdv, request

_PLACE = b"\0\0\0\x09\2\0\0\0"
"""The head of the Status element (0000,0900) of a response."""


@dataclass(frozen=True)
class Timing:
    """What one sender measured; times are seconds."""

    began: float
    ended: float
    trips: list[float]
    """From the first byte of each object to its answer."""


def ct_object(pixel_rows: int) -> bytes:
    """An encoded CT slice whose SOP Instance UID has a place for a number of nine digits."""
    from io import BytesIO

    slice_ = ct_slice(rows=pixel_rows)
    slice_.SOPInstanceUID = _uid(0)
    buffer = BytesIO()
    slice_.save_as(buffer, enforce_file_format=True)
    content = buffer.getvalue()
    return content[data_set_offset(content) :]


def send(port: int, called: str, content: bytes, numbers: Sequence[int], start_at: float, *, each: bool) -> Timing:
    """Send `content` under as many UIDs as there are numbers, from `start_at` (monotonic, seconds) on.

    Args:
        port: Where, on loopback.
        called: AE title.
        content: From `ct_object`.
        numbers: They become the UIDs.
        start_at: The clock starts then, with associations open unless `each`.
        each: Open and release an association for each object.

    Raises:
        RuntimeError: an object was not answered with Success.
    """
    connection, maximum = _associate(port, called)
    messages = [_message(content, number, maximum) for number in numbers]
    if each:
        _release(connection)
    time.sleep(max(0.0, start_at - time.monotonic()))
    began, trips = time.monotonic(), []
    for message in messages:
        if each:
            connection, _ = _associate(port, called)
        sent = time.monotonic()
        connection.sendall(message)
        _take_success(connection)
        trips.append(time.monotonic() - sent)
        if each:
            _release(connection)
    ended = time.monotonic()
    if not each:
        _release(connection)
    return Timing(began, ended, trips)


def _associate(port: int, called: str) -> tuple[socket.socket, int]:
    connection = socket.create_connection(("127.0.0.1", port), timeout=120)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(request(called=called))
    answer = _pdu(connection)
    if answer[0] != 2:
        raise RuntimeError("The association was not accepted.")
    return connection, accepted(answer[6:]).maximum_length_received or 131072


def _release(connection: socket.socket) -> None:
    connection.sendall(pdu(5, bytes(4)))
    _pdu(connection)
    connection.close()


def _take_success(connection: socket.socket) -> None:
    answer = _pdu(connection)
    if _PLACE + b"\0\0" not in answer:
        raise RuntimeError(f"An object was not answered with Success but with {answer.hex()}.")


def _pdu(connection: socket.socket) -> bytes:
    content = connection.recv(65536)
    while content and (len(content) < 6 or len(content) < 6 + int.from_bytes(content[2:6], "big")):
        content += connection.recv(65536)
    return content


def _message(content: bytes, number: int, maximum: int) -> bytes:
    """All PDUs of one C-STORE, as long as the receiver takes them, at most 128 KB."""
    uid = _uid(number)
    content = content.replace(_uid(0).encode(), uid.encode())
    room = min(maximum, 131072) - 6
    parts = [pdu(4, pdv(CT, 3, command(1, data=True, uid=uid, sop_class=str(CTImageStorage))))]
    for begin in range(0, len(content), room):
        control = 2 if begin + room >= len(content) else 0
        parts.append(pdu(4, pdv(CT, control, content[begin : begin + room])))
    return b"".join(parts)


def _uid(number: int) -> str:
    return f"1.2.826.0.1.3680043.8.498.1{number:09}"
