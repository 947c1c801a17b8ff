"""What a served handoff does with strangers on the wire, with TLS, and with a token that another replica revoked."""

import json
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import httpx
import pytest

from handoff.client import HandoffClient
from handoff.schemas.tokens import TokenRequest
from processors.ledger import handoff_pin
from sluice.tracing.research import asker
from tests.certificates import TestAuthority, serial_in, serial_of
from tests.integration.handoff.running import RunningHandoff, running
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
HEADER_SECONDS = 3.0
HURRIED = {"header_seconds": 0.5, "silence_seconds": 0.5, "slowest_bytes_per_second": 100}
"""So impatient that a busy machine's pauses would meet it: only for what is to be cut off."""
PATIENT = {"header_seconds": HEADER_SECONDS, "connections_per_address": 8}


@pytest.fixture(scope="module")
def hurried(tmp_path_factory):
    with running(tmp_path_factory.mktemp("hurried"), settings={"access": HURRIED}) as service:
        yield service


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with running(tmp_path_factory.mktemp("home"), settings={"access": PATIENT}) as service:
        yield service


def connected(service: RunningHandoff) -> socket.socket:
    return socket.create_connection(("127.0.0.1", service.ready["port"]), timeout=60)


def begun(service: RunningHandoff, *sent: bytes) -> list[socket.socket]:
    """Connections on which this is sent before the service sees the first of them, as by quick senders."""
    service.process.send_signal(signal.SIGSTOP)
    try:
        connections = [connected(service) for _ in sent]
        for connection, content in zip(connections, sent, strict=True):
            connection.sendall(content)
    finally:
        service.process.send_signal(signal.SIGCONT)
    return connections


def ends(connection: socket.socket) -> bool:
    """Whether the service closes a connection before its client would give up."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        return True
    except TimeoutError:
        return False
    return True


def first_line(connection: socket.socket) -> bytes:
    """The status line of an answer, however it comes apart."""
    answer = b""
    while b"\r\n" not in answer:
        answer += (more := connection.recv(65536))
        assert more, answer
    return answer


@contextmanager
def replica(home: Path, *options: str):
    """The URL of a further service on a home."""
    command = [sys.executable, "-m", "handoff.commands", "serve", "--home", str(home), "--port", "0", "--no-worker"]
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=said, text=True) as process,
    ):
        try:
            line = process.stdout.readline()
            assert line, _text_of(said)
            ready = json.loads(line)
            yield f"{ready['scheme']}://127.0.0.1:{ready['port']}"
        finally:  # or a test that fails would wait for it without end
            process.terminate()


def _text_of(file: TextIO) -> str:
    """What another process wrote into it."""
    file.seek(0)
    return file.read()


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTT", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: b\r\n", b"\r\n"])
def test_headers_are_not_waited_for_without_end(hurried, sent):
    (connection,) = begun(hurried, sent)
    with connection:
        assert ends(connection)


def test_headers_that_drip_are_not_waited_for_either(hurried):
    with connected(hurried) as connection, pytest.raises(OSError):
        _drip(connection, b"GET /healthz HTTP/1.1\r\n" + b"X-Header: y\r\n" * 300)  # more than a minute


def _drip(connection: socket.socket, text: bytes) -> None:
    for letter in text:
        connection.sendall(bytes([letter]))
        time.sleep(0.02)


def test_a_connection_that_is_used_slowly_but_well_stays_open(service):
    question = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    (connection,) = begun(service, question)
    with connection:
        assert _whole(connection).startswith(b"HTTP/1.1 200")
        time.sleep(HEADER_SECONDS + 0.2)
        connection.sendall(question)
        assert _whole(connection).startswith(b"HTTP/1.1 200")


def _whole(connection: socket.socket) -> bytes:
    """An answer of JSON; its head and its body may come apart."""
    answer = b""
    while not answer.endswith(b"}"):
        answer += (more := connection.recv(65536))
        assert more, answer
    return answer


def test_a_body_of_nobody_is_not_waited_for(hurried):
    (connection,) = begun(hurried, b"POST /v1/handoffs HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{")
    with connection:
        assert first_line(connection).startswith(b"HTTP/1.1 401")
        assert ends(connection)


def test_a_body_that_falls_silent_is_answered_and_leaves_nothing(hurried):
    token = (hurried.home / "research/token").read_text().strip()
    head = (
        f"PUT /v1/shipments/{'a' * 32} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Sluice-SHA256: {'0' * 64}\r\nContent-Length: 100000\r\n\r\n"
    )
    (connection,) = begun(hurried, head.encode() + b"x" * 1000)
    with connection:
        assert first_line(connection).startswith(b"HTTP/1.1 408")
        assert ends(connection)
    assert hurried.stored() == []


def test_one_address_holds_no_more_connections_than_it_may(service):
    held = begun(service, *[b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"] * 20)
    try:
        answered = 0
        for connection in held:
            try:
                answered += connection.recv(65536).startswith(b"HTTP/1.1 200")
            except ConnectionResetError:
                continue
        assert 1 <= answered <= PATIENT["connections_per_address"]
    finally:
        for connection in held:
            connection.close()
    wait_for(lambda: serves(service))


def serves(service: RunningHandoff) -> bool:
    """Whether it takes one more connection."""
    try:
        return httpx.get(f"{service.url}/healthz", trust_env=False, timeout=60).status_code == 200
    except httpx.TransportError:
        return False


def test_who_speaks_no_http_is_not_served(hurried):
    (connection,) = begun(hurried, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    with connection:
        assert ends(connection)


def test_a_websocket_is_no_way_in(service):
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\n"
    (connection,) = begun(service, f"GET /v1/studies HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n".encode())
    with connection:
        assert first_line(connection).startswith(b"HTTP/1.1 401")


def test_a_token_that_another_replica_revoked_ends_there_at_once(service):
    """Two processes on one home, which is one database."""
    made = service.client.make_token(TokenRequest(name="shared", role="auditor"))
    with replica(service.home) as url:
        headers = {"Authorization": f"Bearer {made.token}"}
        urls = (service.url, url)
        assert [httpx.get(f"{at}/v1/me", headers=headers, trust_env=False, timeout=60).status_code for at in urls] == [
            200,
            200,
        ]
        service.client.revoke_token(made.id)
        assert [httpx.get(f"{at}/v1/me", headers=headers, trust_env=False, timeout=60).status_code for at in urls] == [
            401,
            401,
        ]


def test_a_service_with_certificates_of_clients_serves_those_alone_and_renews_its_own(tmp_path):
    authority = TestAuthority.new(tmp_path / "authority")
    certificate, key = authority.issue("service")
    files = ("--certificate", str(certificate), "--key", str(key), "--client-ca", str(authority.file))
    tls, nobody = (ssl.create_default_context(cafile=str(authority.file)) for _ in range(2))
    mine = authority.issue("nifi")
    tls.load_cert_chain(*mine)
    with replica(tmp_path / "home", *files) as url:
        assert url.startswith("https://")
        token = (tmp_path / "home/research/api-token").read_text().strip()
        with HandoffClient(url, token, tls=tls) as client:
            assert client.me().name == "home"
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{url}/healthz", verify=nobody, trust_env=False, timeout=60)
        with pytest.raises(httpx.TransportError):
            httpx.get(url.replace("https", "http") + "/healthz", trust_env=False, timeout=60)
        pins = (None, handoff_pin.context(authority.file), handoff_pin.context(authority.file, *mine))
        witnesses = [asker(tmp_path / "home", url, tls=pin)[1] for pin in pins]
        assert witnesses == ["handoff's database", "handoff's database", "handoff"]
        authority.issue("service")
        port = int(url.rpartition(":")[2])
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            tls.wrap_socket(plain, server_hostname="127.0.0.1") as wrapped,
        ):
            assert serial_of(wrapped.getpeercert(binary_form=True)) == serial_in(certificate)
        headers = httpx.get(f"{url}/healthz", verify=tls, trust_env=False, timeout=60).headers
        assert "max-age" in headers["strict-transport-security"]
