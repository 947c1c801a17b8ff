"""What is left of a connection by TLS that somebody else has ended."""

import socket
from pathlib import Path

import pytest

from processors.dicom.calling_tls import tls_of
from processors.peers import CallTLS, Peer
from tests.certificates import TestAuthority


def test_a_connection_that_the_peer_ended_first_is_closed_all_the_same(tmp_path: Path) -> None:
    """To shut it down fails then, and pynetdicom closes only what it could shut down."""
    authority = TestAuthority.new(tmp_path, "hospital")
    called = Peer(name="pacs", ae_title="PACS", host="127.0.0.1", port=104, tls=CallTLS(authority=authority.file))
    found = tls_of(called)
    assert found is not None
    context, name = found
    connection = context.wrap_socket(socket.socket(), server_hostname=name)
    with pytest.raises(OSError, match="not connected"):
        connection.shutdown(socket.SHUT_RDWR)
    assert connection.fileno() == -1
