"""Large packages, however they come: with TLS and without, at once and in chunks, and with the next request behind."""

import hashlib
import json
import signal
import socket
import ssl
import subprocess
import sys

import httpx
import pytest

from tests.certificates import TestAuthority
from tests.integration.handoff.packages import Package
from tests.integration.handoff.running import RunningHandoff, running
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
SIZE = 3 << 20


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with running(tmp_path_factory.mktemp("home")) as service:
        yield service


def head(service: RunningHandoff, package: Package, *headers: str) -> bytes:
    body = package.body()
    token = (service.home / "research" / "token").read_text().strip()
    lines = [
        f"PUT /v1/shipments/{package.id} HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {token}",
        f"Sluice-SHA256: {hashlib.sha256(body).hexdigest()}",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def connected(service: RunningHandoff) -> socket.socket:
    return socket.create_connection(("127.0.0.1", service.ready["port"]), timeout=60)


def status(stream) -> int:
    """The status of the next answer of a connection, whose body is read too."""
    code = int(stream.readline().split()[1])
    length = 0
    while (line := stream.readline()) != b"\r\n":
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    stream.read(length)
    return code


def test_the_next_request_may_follow_at_once(service):
    first, second = Package.of(2, size=SIZE), Package.of(2, size=SIZE)
    health = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with connected(service) as connection, connection.makefile("rb") as stream:
        connection.sendall(head(service, first) + first.body() + health)
        assert [status(stream) for _ in range(2)] == [201, 200]
        connection.sendall(head(service, second) + second.body() + health)
        assert [status(stream) for _ in range(2)] == [201, 200]


def test_a_sender_may_ask_before_it_sends(service):
    package = Package.of(2, size=SIZE)
    with connected(service) as connection, connection.makefile("rb") as stream:
        connection.sendall(head(service, package, "Expect: 100-continue"))
        assert status(stream) == 100
        connection.sendall(package.body())
        assert status(stream) == 201


def test_chunks_of_any_size_are_taken(service):
    package = Package.of(2, size=SIZE)
    body = package.body()
    token = (service.home / "research" / "token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}", "Sluice-SHA256": hashlib.sha256(body).hexdigest()}
    pieces = (body[at : at + 100_001] for at in range(0, len(body), 100_001))
    answer = httpx.put(
        f"{service.url}/v1/shipments/{package.id}", content=pieces, headers=headers, trust_env=False, timeout=60
    )
    assert answer.status_code == 201


@pytest.mark.parametrize("sent", [0, 100, SIZE])
def test_of_a_sender_that_goes_away_nothing_stays(service, sent):
    before, package = service.stored(), Package.of(2, size=SIZE)
    with connected(service) as connection:
        connection.sendall(head(service, package) + package.body()[:sent])
        wait_for(lambda: len(service.stored()) > len(before))
    wait_for(lambda: service.stored() == before)


def test_other_bytes_than_announced_are_refused_and_the_connection_goes_on(service):
    before, package = service.stored(), Package.of(2, size=SIZE)
    body = bytearray(package.body())
    body[SIZE] ^= 1
    with connected(service) as connection, connection.makefile("rb") as stream:
        connection.sendall(head(service, package) + body)
        assert status(stream) == 422
        assert service.stored() == before
        connection.sendall(head(service, package) + package.body())
        assert status(stream) == 201


def test_a_large_package_that_falls_silent_is_answered_and_leaves_nothing(tmp_path):
    """All that it sends is there before the service looks, or a sender that is kept waiting would be called silent."""
    package = Package.of(2, size=SIZE)
    with running(tmp_path, settings={"access": {"silence_seconds": 0.5}}) as service, connected(service) as connection:
        service.process.send_signal(signal.SIGSTOP)
        try:
            connection.sendall(head(service, package) + package.body()[:20_000])
        finally:
            service.process.send_signal(signal.SIGCONT)
        with connection.makefile("rb") as stream:
            assert status(stream) == 408
        assert service.stored() == []


def test_one_comes_by_tls_too(tmp_path):
    authority = TestAuthority.new(tmp_path / "authority")
    certificate, key = authority.issue("service")
    command = [sys.executable, "-m", "handoff.commands", "serve", "--home", str(tmp_path / "home"), "--port", "0"]
    command += ["--no-worker", "--certificate", str(certificate), "--key", str(key)]
    package = Package.of(2, size=SIZE)
    body = package.body()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            url = f"https://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
            token = (tmp_path / "home/research/token").read_text().strip()
            headers = {"Authorization": f"Bearer {token}", "Sluice-SHA256": hashlib.sha256(body).hexdigest()}
            tls = ssl.create_default_context(cafile=str(authority.file))
            with httpx.Client(base_url=url, verify=tls, trust_env=False, timeout=60, headers=headers) as client:
                codes = [client.put(f"/v1/shipments/{package.id}", content=body).status_code for _ in range(2)]
        finally:
            process.terminate()
    assert codes == [201, 200]
