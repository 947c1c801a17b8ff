"""Certificate files are read again by their content, and wrong ones change nothing."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

from processors.dicom.errors import CertificateFilesError, HandshakeError
from processors.dicom.tls import ServerTLS, TLSFiles, shown_by
from tests.certificates import TestAuthority, serial_in, serial_of

Pair = tuple[socket.socket, socket.socket]


@dataclass
class Site:
    authority: TestAuthority
    files: TLSFiles

    def client(self, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.authority.file)
        if certificate is not None:
            context.load_cert_chain(certificate, key)
        return context


@pytest.fixture
def site(tmp_path: Path) -> Site:
    authority = TestAuthority.new(tmp_path)
    certificate, key = authority.issue("receiver")
    return Site(authority, TLSFiles(certificate, key, authority.file))


@pytest.fixture
def pair() -> Iterator[Pair]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        server, _ = listening.accept()
        with closing(client), closing(server):
            yield client, server


class Client:
    """A client in a thread; `saw` is the serial number of the certificate that it was shown."""

    def __init__(self, connection: socket.socket, context: ssl.SSLContext) -> None:
        self._connection, self._context = connection, context
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._connect)
        self.saw = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _connect(self) -> None:
        with suppress(OSError), self._context.wrap_socket(self._connection, server_hostname="127.0.0.1") as encrypted:
            self.saw = serial_of(encrypted.getpeercert(binary_form=True) or b"")
            self._done.wait(60)


def shake(tls: ServerTLS, pair: Pair, context: ssl.SSLContext) -> tuple[ssl.SSLSocket, int]:
    """The server's side, and the serial number of the certificate that the client saw."""
    with Client(pair[0], context) as client:
        connection = tls.wrap(pair[1], 30.0)
        # The server's handshake ends after the client's own.
    return connection, client.saw


def test_a_client_is_known_by_its_names_and_fingerprint(site: Site, pair: Pair) -> None:
    connection, _ = shake(ServerTLS(site.files), pair, site.client(*site.authority.issue("ct1")))
    with connection:
        certificate = shown_by(connection)
    assert certificate.names == ("ct1", "127.0.0.1")
    assert len(certificate.sha256) == 64


@pytest.mark.parametrize(
    ("days", "cause"), [(-1, "certificate-expired"), (None, "no-certificate")], ids=["expired", "none"]
)
def test_a_client_without_a_valid_certificate_gets_no_association(
    site: Site, pair: Pair, days: int | None, cause: str
) -> None:
    shown = site.authority.issue("ct1", days=days) if days is not None else (None, None)
    with pytest.raises(HandshakeError) as caught:
        shake(ServerTLS(site.files), pair, site.client(*shown))
    assert caught.value.cause == cause


def test_a_client_of_another_authority_gets_no_association(site: Site, pair: Pair, tmp_path: Path) -> None:
    shown = TestAuthority.new(tmp_path / "stranger", "stranger").issue("ct1")
    with pytest.raises(HandshakeError) as caught:
        shake(ServerTLS(site.files), pair, site.client(*shown))
    assert caught.value.cause == "certificate-unknown-authority"


def test_a_cipher_that_is_not_of_the_profile_is_refused(site: Site, pair: Pair) -> None:
    """PS3.15 B.10."""
    context = site.client(*site.authority.issue("ct1"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AES128-GCM-SHA256")
    with pytest.raises(HandshakeError) as caught:
        shake(ServerTLS(site.files), pair, context)
    assert caught.value.cause == "tls-cipher"


def test_tls_1_2_is_spoken_and_nothing_older(site: Site, pair: Pair) -> None:
    context = site.client(*site.authority.issue("ct1"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    tls = ServerTLS(site.files)
    connection, _ = shake(tls, pair, context)
    with connection:
        assert connection.version() == "TLSv1.2"
    assert tls._context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_who_is_silent_is_waited_for_no_longer_than_said(site: Site, pair: Pair) -> None:
    with pytest.raises(HandshakeError) as caught:
        ServerTLS(site.files).wrap(pair[1], 0.01)
    assert caught.value.cause == "no-request"


def test_who_begins_and_stops_is_waited_for_no_longer_than_said(site: Site, pair: Pair) -> None:
    pair[0].sendall(b"\x16\x03\x01\x02\x00")
    with pytest.raises(HandshakeError) as caught:
        ServerTLS(site.files).wrap(pair[1], 0.5)
    assert caught.value.cause == "tls-timeout"


def test_a_renewed_certificate_is_shown_without_a_restart(site: Site, pair: Pair) -> None:
    tls = ServerTLS(site.files)
    before = serial_in(site.files.certificate)
    site.authority.issue("receiver", days=400)
    connection, saw = shake(tls, pair, site.client(*site.authority.issue("ct1")))
    connection.close()
    assert saw == serial_in(site.files.certificate)
    assert saw != before


@pytest.mark.parametrize("which", ["certificate", "key", "authority"])
def test_files_that_cannot_be_used_change_nothing_and_are_told_once(site: Site, pair: Pair, which: str) -> None:
    told: list[str] = []
    tls = ServerTLS(site.files, told.append)
    before, shown = serial_in(site.files.certificate), site.authority.issue("ct1")
    context = site.client(*shown)
    getattr(site.files, which).write_text("no PEM")
    connection, saw = shake(tls, pair, context)
    connection.close()
    tls.look()
    assert saw == before
    assert len(told) == 1
    assert str(getattr(site.files, which)) in told[0]
    assert not tls.is_sound


def test_a_key_of_another_certificate_is_named(site: Site) -> None:
    _, key = site.authority.issue("ct1")
    with pytest.raises(CertificateFilesError, match="no private key of the certificate"):
        ServerTLS(TLSFiles(site.files.certificate, key, site.files.authority))
