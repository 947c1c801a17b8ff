"""Peers that send a byte a second, in whatever they send, are ended and leave nothing; with both engines."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificates import TestAuthority
from tests.integration.receive.doctor import echoscu
from tests.receiver_process import ReceiverProcess
from tests.unit.receive.raw_peer import echo, request, store
from tests.waiting import wait_for

pytestmark = pytest.mark.faults


@pytest.fixture(params=["fast", "reference"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def descriptors(receiver: ReceiverProcess) -> int:
    assert receiver.process is not None
    return len(list(Path(f"/proc/{receiver.process.pid}/fd").iterdir()))


def threads(receiver: ReceiverProcess) -> int:
    assert receiver.process is not None
    return len(list(Path(f"/proc/{receiver.process.pid}/task").iterdir()))


@pytest.fixture
def hasty(tmp_path: Path, engine: str) -> Iterator[ReceiverProcess]:
    """A receiver that waits for nothing long, on a port with TLS and one without."""
    authority = TestAuthority.new(tmp_path / "certificates")
    certificate, key = authority.issue("receiver")
    options = [part for limit in ("silence_inside", "request", "handshake") for part in ("--limit", f"{limit}=2 s")]
    tls = ["--tls-port", "0", "--tls-certificate", str(certificate), "--tls-key", str(key)]
    tls += ["--tls-authority", str(authority.file)]
    with ReceiverProcess(tmp_path / "home", "--engine", engine, *options, *tls) as receiver:
        assert echoscu(receiver.port, "WARM")  # what is loaded for the first one is not left behind
        wait_for(lambda: receiver.events("association"))
        yield receiver


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def dragged_out(connection: socket.socket, content: bytes) -> None:
    """Send a byte at a time, until all are sent or the connection is ended; read to its end."""
    connection.settimeout(0.1)
    for each in content:
        try:
            connection.sendall(bytes([each]))
            if not connection.recv(65536):
                return
        except TimeoutError:
            continue
        except OSError:
            return
    connection.settimeout(60)
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass


def told(receiver: ReceiverProcess) -> list[str]:
    """The causes in the log."""
    return [str(event["cause"]) for event in receiver.events("trouble")]


def drag_on(hasty: ReceiverProcess, what: str) -> None:
    """Send a part of something, the rest byte by byte, until the receiver ends it."""
    with connect(hasty.tls_port if what == "handshake" else hasty.port) as connection:
        match what:
            case "request":
                dragged_out(connection, request())
            case "handshake":
                dragged_out(connection, b"\x16\x03\x01\x02\x00\x01" + bytes(100))
            case _:
                connection.sendall(request())
                assert connection.recv(65536)[0] == 2
                begun = store(bytes(100_000))[:-5000] if what == "object" else echo()[:-5]
                connection.sendall(begun)
                dragged_out(connection, b"")


@pytest.mark.parametrize(
    ("what", "cause"),
    [
        ("request", "no-request"),
        ("handshake", "tls-timeout"),
        ("object", "too-slow"),
        ("echo", "too-slow"),
    ],
)
def test_who_drags_on_is_ended_and_leaves_nothing(hasty: ReceiverProcess, what: str, cause: str) -> None:
    before = descriptors(hasty), threads(hasty)
    for number in (1, 2):
        drag_on(hasty, what)
        wait_for(lambda number=number: told(hasty).count(cause) == number, complaint=hasty.log.read_text)
    wait_for(lambda: not hasty.layout.parts())
    wait_for(
        # Of two who were served one may stay, and wait for the next.
        lambda: descriptors(hasty) <= before[0] and threads(hasty) <= before[1] + 1,
        complaint=lambda: f"{before}, {descriptors(hasty)}, {threads(hasty)}",
    )
    assert echoscu(hasty.port, "CT1")


def test_a_rest_between_two_objects_is_allowed(hasty: ReceiverProcess) -> None:
    """It ends by our release, long after a message could have stopped."""
    with connect(hasty.port) as resting, connect(hasty.port) as dragging:
        for each in (resting, dragging):
            each.sendall(request())
            assert each.recv(65536)[0] == 2
        resting.sendall(echo())
        assert resting.recv(65536)[0] == 4
        dragging.sendall(echo()[:-5])
        dragged_out(dragging, b"")
        resting.sendall(echo())
        assert resting.recv(65536)[0] == 4
