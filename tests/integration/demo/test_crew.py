"""Whatever ends the demo, none of its processes is left behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sluice.demo.errors import PartFailedError
from sluice.demo.processes import Crew
from tests.waiting import wait_for

pytestmark = pytest.mark.integration

SCRIPT = """
import signal, sys, time
from pathlib import Path
from sluice.demo.processes import Crew

def end(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs the tests in the background ignores it
folder = Path(sys.argv[1])
try:
    with Crew(folder) as crew:
        # A part that starts a grandchild of another session, as NiFi's launcher does, and then ends or stays.
        crew.start("launcher", ["sh", "-c", f"setsid sleep 987.{sys.argv[2]} & exec sleep 988.{sys.argv[2]}"])
        crew.start("left", ["sh", "-c", f"setsid sleep 989.{sys.argv[2]} & exit 0"], ends=True)
        while not (folder / "fail").exists():
            time.sleep(0.05)
        raise RuntimeError("a part failed")
except (KeyboardInterrupt, RuntimeError):
    sys.exit(7)
"""


def _sleepers(mark: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0] == b"sleep" and words[1].partition(b".")[2] == mark.encode():
            found.append(entry.parent.name)
    return found


@pytest.mark.parametrize("how", ["ctrl-c", "terminate", "fail"])
def test_parts_and_what_they_started_end_with_the_demo(tmp_path: Path, how: str) -> None:
    mark = str(os.getpid() * 10 + len(how))
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(tmp_path), mark, how], start_new_session=True)
    wait_for(lambda: len(_sleepers(mark)) == 3 or process.poll() is not None)
    assert process.poll() is None
    if how == "fail":
        (tmp_path / "fail").touch()
    else:
        process.send_signal(signal.SIGINT if how == "ctrl-c" else signal.SIGTERM)
    assert process.wait(120) == 7
    assert _sleepers(mark) == []


def test_processes_that_were_there_before_are_left_alone(tmp_path: Path) -> None:
    other = subprocess.Popen(["sleep", "986"])
    try:
        with Crew(tmp_path) as crew:
            own = crew.start("own", ["sleep", "985"])
        assert own.process.poll() is not None
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_a_part_that_ends_early_is_told_with_its_last_words_and_its_log(tmp_path: Path) -> None:
    with Crew(tmp_path) as crew:
        part = crew.start("receiver", ["sh", "-c", "echo 'port 104 is taken' >&2; exit 3"])
        with pytest.raises(PartFailedError, match=r"receiver ended with 3: port 104 is taken .*receiver\.log"):
            part.ready()
