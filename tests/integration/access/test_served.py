"""What a served handoff does with strangers on the wire, with TLS, and with a token that another replica revoked."""

import json
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
LIMITS = {"header_seconds": 0.5, "silence_seconds": 0.5, "connections_per_address": 8, "slowest_bytes_per_second": 100}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with running(tmp_path_factory.mktemp("home"), settings={"access": LIMITS}) as service:
        yield service


def connected(service: RunningHandoff) -> socket.socket:
    return socket.create_connection(("127.0.0.1", service.ready["port"]), timeout=10)


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
def test_headers_are_not_waited_for_without_end(service, sent):
    with connected(service) as connection:
        connection.sendall(sent)
        assert ends(connection)


def test_headers_that_drip_are_not_waited_for_either(service):
    with connected(service) as connection, pytest.raises(OSError):
        _drip(connection, b"GET /healthz HTTP/1.1\r\n" + b"X-Header: y\r\n" * 8)  # 2.4 s


def _drip(connection: socket.socket, text: bytes) -> None:
    for letter in text:
        connection.sendall(bytes([letter]))
        time.sleep(0.02)


def test_a_connection_that_is_used_slowly_but_well_stays_open(service):
    with connected(service) as connection:
        for _ in range(3):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while not answer.endswith(b"}"):  # its head and its body may come apart
                answer += (more := connection.recv(65536))
                assert more, answer
            assert answer.startswith(b"HTTP/1.1 200")
            time.sleep(0.7)  # longer than headers may take


def test_a_body_of_nobody_is_not_waited_for(service):
    with connected(service) as connection:
        connection.sendall(b"POST /v1/handoffs HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{")
        assert connection.recv(65536).startswith(b"HTTP/1.1 401")
        assert ends(connection)


def test_a_body_that_falls_silent_is_answered_and_leaves_nothing(service):
    token = (service.home / "research/token").read_text().strip()
    head = (
        f"PUT /v1/shipments/{'a' * 32} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Sluice-SHA256: {'0' * 64}\r\nContent-Length: 100000\r\n\r\n"
    )
    with connected(service) as connection:
        connection.sendall(head.encode() + b"x" * 1000)
        assert connection.recv(65536).startswith(b"HTTP/1.1 408")
        assert ends(connection)
    assert service.stored() == []


def test_one_address_holds_no_more_connections_than_it_may(service):
    held = [connected(service) for _ in range(20)]
    try:
        for connection in held:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        answered = 0
        for connection in held:
            try:
                answered += connection.recv(65536).startswith(b"HTTP/1.1 200")
            except ConnectionResetError:
                continue
        assert 1 <= answered <= LIMITS["connections_per_address"]
    finally:
        for connection in held:
            connection.close()
    wait_for(lambda: httpx.get(f"{service.url}/healthz", trust_env=False).status_code == 200)


def test_who_speaks_no_http_is_not_served(service):
    with connected(service) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        assert ends(connection)


def test_a_websocket_is_no_way_in(service):
    with connected(service) as connection:
        upgrade = (
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\n"
        )
        connection.sendall(f"GET /v1/studies HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 401")


def test_a_token_that_another_replica_revoked_ends_there_at_once(service):
    """Two processes on one home, which is one database."""
    made = service.client.make_token(TokenRequest(name="shared", role="auditor"))
    with replica(service.home) as url:
        headers = {"Authorization": f"Bearer {made.token}"}
        urls = (service.url, url)
        assert [httpx.get(f"{at}/v1/me", headers=headers, trust_env=False).status_code for at in urls] == [200, 200]
        service.client.revoke_token(made.id)
        assert [httpx.get(f"{at}/v1/me", headers=headers, trust_env=False).status_code for at in urls] == [401, 401]


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
            httpx.get(f"{url}/healthz", verify=nobody, trust_env=False)
        with pytest.raises(httpx.TransportError):
            httpx.get(url.replace("https", "http") + "/healthz", trust_env=False)
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
        headers = httpx.get(f"{url}/healthz", verify=tls, trust_env=False).headers
        assert "max-age" in headers["strict-transport-security"]
