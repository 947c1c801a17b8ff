"""A sender that hardly reads its answer, over TLS: its thread waits for it no longer than for any other."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from processors.dicom.admission import Everybody
from processors.dicom.fast.wire import SilentError
from processors.dicom.upload.connection import Accepted, Timers, UploadConnection
from tests.certificates import TestAuthority

ANSWER = bytes(4 << 20)


@contextmanager
def tls_pair(folder: Path) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of an encrypted connection with little room in between."""
    authority = TestAuthority.new(folder)
    certificate, key = authority.issue("receiver")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    client = ssl.create_default_context(cafile=authority.file)
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
    wrapped: list[socket.socket] = []
    shaking = threading.Thread(
        target=lambda: wrapped.append(client.wrap_socket(theirs, server_hostname="127.0.0.1")), daemon=True
    )
    shaking.start()
    with server.wrap_socket(ours, server_side=True) as mine:
        shaking.join(60)
        with wrapped[0] as reader:
            yield mine, reader


def test_a_sender_that_reads_a_little_now_and_then_holds_no_thread_over_tls(tmp_path: Path) -> None:
    with tls_pair(tmp_path) as (mine, reader):
        connection = UploadConnection(
            Accepted(mine, "192.0.2.1", encrypted=True),
            None,  # type: ignore[arg-type]  # nothing is received
            Everybody(),
            ae_title="SLUICE",
            timers=Timers(patience=0.3),
            count=lambda _: None,
        )
        read, over = [0], threading.Event()

        def dawdle() -> None:
            with suppress(OSError):
                while not over.wait(0.02) and (piece := reader.recv(16384)):
                    read[0] += len(piece)

        reading = threading.Thread(target=dawdle, daemon=True)
        reading.start()
        with pytest.raises(SilentError):
            connection._send(ANSWER)
        over.set()
        reading.join(60)
        assert 0 < read[0] < len(ANSWER)


def test_a_long_answer_arrives_whole_where_it_is_read(tmp_path: Path) -> None:
    with tls_pair(tmp_path) as (mine, reader):
        connection = UploadConnection(
            Accepted(mine, "192.0.2.1", encrypted=True),
            None,  # type: ignore[arg-type]  # as above
            Everybody(),
            ae_title="SLUICE",
            timers=Timers(patience=60.0),
            count=lambda _: None,
        )
        sending = threading.Thread(target=lambda: connection._send(ANSWER), daemon=True)
        sending.start()
        came = 0
        began = time.monotonic()
        while came < len(ANSWER) and time.monotonic() - began < 60:
            came += len(reader.recv(65536))
        sending.join(60)
        assert came == len(ANSWER)
