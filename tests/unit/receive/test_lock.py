"""One holder a lock, named in words; whoever died holds nothing."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from processors.landing.errors import LandingTakenError
from processors.landing.lock import hold, holder

HOLDER = """
import sys
from pathlib import Path
from processors.landing.lock import hold
with hold(Path(sys.argv[1]), "receiver"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_is_told_who_the_first_is(tmp_path: Path) -> None:
    lock = tmp_path / "receiver.lock"
    with hold(lock, "receiver"):
        assert str(holder(lock)).startswith(f"process {os.getpid()} on ")
        with pytest.raises(
            LandingTakenError, match=rf"has a receiver already: process {os.getpid()} on .*, since .* UTC"
        ):
            hold(lock, "receiver").__enter__()
    assert holder(lock) is None


def test_a_lock_ends_with_a_killed_process_though_its_file_still_names_it(tmp_path: Path) -> None:
    lock = tmp_path / "receiver.lock"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdin is not None
    assert other.stdout.readline() == "held\n"
    assert str(holder(lock)).startswith(f"process {other.pid} on ")
    other.send_signal(signal.SIGKILL)
    other.wait()
    other.stdout.close()
    other.stdin.close()
    assert f"process {other.pid} on " in lock.read_text()
    assert holder(lock) is None
    with hold(lock, "receiver"):
        assert str(holder(lock)).startswith(f"process {os.getpid()} on ")


def test_looking_keeps_nobody_from_holding(tmp_path: Path) -> None:
    """Lookers have the lock for a moment each; a holder waits for that moment and is not refused."""
    import threading

    lock = tmp_path / "receiver.lock"
    lock.touch()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            holder(lock)
            done.wait(0.001)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(50):
            with hold(lock, "receiver"):
                pass
    finally:
        done.set()
        looking.join()


def test_a_lock_that_nobody_ever_held_has_no_holder(tmp_path: Path) -> None:
    assert holder(tmp_path / "receiver.lock") is None


def test_a_full_disk_keeps_nobody_from_holding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The announcer is who makes room; what the file says is only for people."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("processors.landing.lock.os.pwrite", full)
    with hold(tmp_path / "announcer.lock", "announcer"):
        assert holder(tmp_path / "announcer.lock") == "an unknown process"
