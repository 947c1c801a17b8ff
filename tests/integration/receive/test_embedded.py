"""ListenDICOM's own receiver: a real child process, a real sender, and whatever may end one of them."""

import contextlib
import json
import os
import queue
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from processors.delivery.embedded import CLOSE_SECONDS, EmbeddedReceiver
from processors.dicom.embedded import Receiving
from processors.landing.layout import Layout
from processors.landing.lock import hold, holder
from processors.ledger.schema import connect_readonly
from tests.builders import ct_slice
from tests.receiver_process import storescu
from tests.waiting import wait_for

pytestmark = pytest.mark.integration


class NifiLog:
    """NiFi's logger: lines that a test can wait for."""

    def __init__(self) -> None:
        self.lines: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self.seen: list[tuple[str, str]] = []

    def info(self, message: str, /) -> None:
        self.lines.put(("info", message))

    def warn(self, message: str, /) -> None:
        self.lines.put(("warn", message))

    def error(self, message: str, /) -> None:
        self.lines.put(("error", message))

    def until(self, word: str) -> tuple[str, str]:
        """The next line that has this word; lines come for ever while a receiver is started again and again."""
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                self.seen.append(self.lines.get(timeout=1))
                if word in self.seen[-1][1]:
                    return self.seen[-1]
        raise AssertionError("\n".join(line for _, line in self.seen))

    def event(self, name: str) -> dict[str, object]:
        """The facts of the next event of this name."""
        facts: dict[str, object] = json.loads(self.until(f'"event": "{name}"')[1].removeprefix("receiver: "))
        return facts


class Home:
    def __init__(self, root: Path) -> None:
        self.root = root / "trusted"
        self.root.mkdir()
        self.stderr = self.root / "logs" / "workers.log"
        self.log = NifiLog()
        self.layout = Layout(self.root / "landing")

    def receiving(self) -> Receiving:
        return Receiving(home=self.root, host="127.0.0.1", port=0)

    def start(self, **settings: object) -> EmbeddedReceiver:
        return EmbeddedReceiver(self.receiving(), self.stderr, self.log, **{"pause": 0.01, **settings})

    def port(self) -> int:
        """Once it listens (again)."""
        port = self.log.event("listening")["port"]
        assert isinstance(port, int)
        return port

    def sealed(self) -> int:
        with closing(connect_readonly(self.root / "ledger.db")) as ledger:
            return int(ledger.execute("SELECT total(instance_count) FROM deliveries").fetchone()[0])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    made = []
    for number in range(3):
        made.append(tmp_path / f"{number}.dcm")
        ct_slice(rows=16).save_as(made[-1], enforce_file_format=True)
    return made


@pytest.fixture
def receiver(home: Home) -> Iterator[EmbeddedReceiver]:
    receiver = home.start()
    yield receiver
    receiver.stop()


def test_it_is_not_killed_while_it_gives_objects_on_their_way_the_time_that_the_site_says(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited, real = [], subprocess.Popen.wait

    def wait(child: "subprocess.Popen[bytes]", timeout: float | None = None) -> int:
        waited.append(timeout)
        return real(child, timeout)

    receiver = home.start(stop_grace=90.0)
    home.port()
    monkeypatch.setattr(subprocess.Popen, "wait", wait)
    receiver.stop()
    assert 90.0 + CLOSE_SECONDS in waited


@pytest.mark.usefixtures("receiver")
def test_it_receives_and_says_so_in_nifis_log(home: Home, files: list[Path]) -> None:
    assert len(storescu(home.port(), files).success) == 3
    level, line = home.log.until('"event": "association"')
    assert (level, "Testperson" in line) == ("info", False)
    wait_for(lambda: home.sealed() == 3)


def test_a_killed_one_is_started_again_and_what_it_acknowledged_is_there(
    home: Home, receiver: EmbeddedReceiver, files: list[Path]
) -> None:
    assert len(storescu(home.port(), files[:2]).success) == 2
    first = receiver.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    assert home.log.until("is started again") == (
        "error",
        "The receiver ended (killed by signal 9) and is started again in 0 s.",
    )
    port = home.port()
    assert receiver.pid != first
    assert len(storescu(port, files[2:]).success) == 1
    wait_for(lambda: home.sealed() == 3)


def test_a_logger_that_fails_stops_no_receiver(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a call into Java."""
    tried = iter("once")

    def fail_once(message: str, /) -> None:
        if next(tried, None) == "o":
            raise RuntimeError
        home.log.lines.put(("error", message))

    monkeypatch.setattr(home.log, "error", fail_once)
    receiver = home.start(module="no.such.module")
    assert home.log.until("is started again")[0] == "error"
    receiver.stop()


def test_stopping_seals_what_is_open_and_frees_landing_and_port(home: Home, files: list[Path]) -> None:
    receiver = home.start()
    port = home.port()
    storescu(port, files)
    receiver.stop()
    assert receiver.pid is None
    assert holder(home.layout.receiver_lock) is None
    assert home.sealed() == 3
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    assert not any("is started again" in line for _, line in home.log.seen)


def test_a_landing_that_has_a_receiver_gets_no_second_one_and_the_holder_is_named(home: Home) -> None:
    home.layout.prepare()
    with hold(home.layout.receiver_lock, "receiver"):
        receiver = home.start()
        said = home.log.event("cannot-start")
        assert said["error"] == "LandingTakenError"
        assert f"process {os.getpid()} on " in str(said["sentence"])
        assert said["remedy"]
        assert home.log.until("is started again")[0] == "error"
    home.port()  # once the other has gone, it is a matter of the pause
    receiver.stop()


def test_a_lock_of_a_dead_process_blocks_nobody(home: Home) -> None:
    home.layout.prepare()
    home.layout.receiver_lock.write_text("process 1 on elsewhere, since long ago\n")
    receiver = home.start()
    home.port()
    found = holder(home.layout.receiver_lock)
    assert found is not None
    assert found.startswith(f"process {receiver.pid} on {socket.gethostname()}, since 2")
    receiver.stop()


def test_it_needs_no_library_that_nifis_bundle_lacks(home: Home, files: list[Path]) -> None:
    receiver = home.start(module="tests.integration.receive.bare_receiver")
    assert len(storescu(home.port(), files).success) == 3
    receiver.stop()
    assert home.sealed() == 3


PARENT = """
import sys, time
from pathlib import Path
from processors.delivery.embedded import EmbeddedReceiver
from processors.dicom.embedded import Receiving

class Log:
    def info(self, message):
        if '"listening"' in message:
            print(receiver.pid, flush=True)
    warn = error = lambda self, message: None

home = Path(sys.argv[1])
receiver = EmbeddedReceiver(Receiving(home=home, host="127.0.0.1", port=0), home / "workers.log", Log())
time.sleep(600)
"""


def test_it_ends_with_its_parent_even_when_that_is_killed(home: Home) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(home.root)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = os.pidfd_open(int(parent.stdout.readline()))
    assert holder(home.layout.receiver_lock) is not None
    parent.kill()
    parent.wait()
    parent.stdout.close()
    ended, _, _ = select.select([child], [], [], 120)
    os.close(child)
    assert ended
    assert holder(home.layout.receiver_lock) is None
