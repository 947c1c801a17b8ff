"""TLS: new enough, from files that fit, with clients that were asked for, and renewed without a restart."""

import os
import socket
import ssl
import threading
import warnings

import pytest

from handoff.access.tls import TlsFiles, server_context
from handoff.errors import StartError
from tests.certificates import TestAuthority, serial_in, serial_of


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return TestAuthority.new(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def files(authority):
    return TlsFiles(*authority.issue("service"))


def trusting(authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority.file))


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[str, int]:
    """The version that both agreed on, and the serial number of the server's certificate.

    Raises:
        ssl.SSLError: they did not agree.
    """
    here, there = socket.socketpair()
    answers: list[BaseException] = []

    def serve() -> None:
        try:
            with server.wrap_socket(there, server_side=True) as wrapped:
                wrapped.sendall(b"x")
        except OSError as error:
            answers.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(here, server_hostname="127.0.0.1") as wrapped:
            assert wrapped.recv(1) == b"x"  # in TLS 1.3 a client's certificate is looked at after its handshake
            return wrapped.version(), serial_of(wrapped.getpeercert(binary_form=True))
    finally:
        here.close()
        thread.join()


def test_the_newest_version_is_spoken(authority, files):
    version, serial = shake_hands(server_context(files), trusting(authority))
    assert (version, serial) == ("TLSv1.3", serial_in(files.certificate))


def test_version_1_2_is_spoken_to_who_knows_no_newer_one(authority, files):
    client = trusting(authority)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    assert shake_hands(server_context(files), client)[0] == "TLSv1.2"


def test_older_versions_are_not_spoken(authority, files):
    client = trusting(authority)
    client.set_ciphers("DEFAULT@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        client.minimum_version = ssl.TLSVersion.TLSv1
        client.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError):
        shake_hands(server_context(files), client)


def test_clients_bring_a_certificate_where_an_authority_for_them_is_named(authority, files, tmp_path):
    server = server_context(TlsFiles(files.certificate, files.key, authority.file))
    known, nobody, stranger = trusting(authority), trusting(authority), trusting(authority)
    known.load_cert_chain(*authority.issue("nifi"))
    stranger.load_cert_chain(*TestAuthority.new(tmp_path, "another").issue("nifi"))
    assert shake_hands(server, known)[0] == "TLSv1.3"
    for refused in (nobody, stranger):
        with pytest.raises((OSError, AssertionError)):
            shake_hands(server, refused)


def test_a_clients_certificate_that_expired_is_refused(authority, files):
    server = server_context(TlsFiles(files.certificate, files.key, authority.file))
    late = trusting(authority)
    late.load_cert_chain(*authority.issue("late", days=-1))
    with pytest.raises((OSError, AssertionError)):
        shake_hands(server, late)


@pytest.mark.parametrize("maximum", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_renewed_certificate_is_used_from_the_next_connection_on(authority, files, maximum):
    server, client = server_context(files), trusting(authority)
    client.maximum_version = maximum
    before = shake_hands(server, client)[1]
    authority.issue("service")
    after = shake_hands(server, client)[1]
    assert before != after == serial_in(files.certificate)


def test_a_certificate_that_is_written_again_within_one_tick_of_the_clock_is_noticed(authority, files):
    server, client = server_context(files), trusting(authority)
    before, at = shake_hands(server, client)[1], [file.stat().st_mtime_ns for file in (files.certificate, files.key)]
    authority.issue("service")
    for file, time in zip((files.certificate, files.key), at, strict=True):
        os.utime(file, ns=(time, time))
    assert before != shake_hands(server, client)[1] == serial_in(files.certificate)


def test_an_authority_of_clients_that_was_replaced_is_the_one_that_counts(authority, files, tmp_path):
    old, new = TestAuthority.new(tmp_path / "old", "clients"), TestAuthority.new(tmp_path / "new", "clients")
    client_ca = tmp_path / "clients.pem"
    client_ca.write_bytes(old.file.read_bytes())
    server, client = server_context(TlsFiles(files.certificate, files.key, client_ca)), trusting(authority)
    client.load_cert_chain(*old.issue("nifi"))
    shake_hands(server, client)
    client_ca.write_bytes(new.file.read_bytes())
    with pytest.raises((OSError, AssertionError)):
        shake_hands(server, client)


def test_a_renewal_that_cannot_be_used_leaves_the_one_before(authority, files):
    server, client = server_context(files), trusting(authority)
    before = shake_hands(server, client)
    files.certificate.write_text("half of a certif")
    assert [shake_hands(server, client) for _ in range(2)] == [before, before]


def test_a_key_that_others_may_read_is_refused(files):
    files.key.chmod(0o644)
    with pytest.raises(StartError, match="may be read by others"):
        server_context(files)


@pytest.mark.parametrize("broken", ["certificate", "key"])
def test_a_file_that_is_none_is_an_error_with_a_remedy(files, broken):
    getattr(files, broken).write_text("nothing")
    with pytest.raises(StartError, match="TLS") as error:
        server_context(files)
    assert "PEM" in error.value.remedy


def test_a_key_of_another_certificate_is_refused(authority, files):
    with pytest.raises(StartError, match="TLS"):
        server_context(TlsFiles(files.certificate, authority.issue("another")[1]))


@pytest.mark.parametrize("given", ["certificate", "key", "client_ca"])
def test_half_of_what_tls_needs_is_no_plain_http(given, tmp_path):
    files = {"certificate": None, "key": None, "client_ca": None} | {given: tmp_path / "x"}
    with pytest.raises(StartError, match="needs both"):
        TlsFiles.of(**files)
