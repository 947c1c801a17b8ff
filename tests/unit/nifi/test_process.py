"""Processes are known by pid and birth, and a group ends as a whole."""

import os
import sys
from pathlib import Path

from nifi.distribution.process import birth, end_group, members, spawn
from nifi.distribution.state import RunningNiFi, instance_folder

CHILD = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(600)
"""
FAMILY = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", {CHILD!r}])
time.sleep(600)
"""


def spawn_family(folder: Path) -> int:
    """A process with a child that ignores SIGTERM; returns once the child does."""
    pid = spawn([sys.executable, "-c", FAMILY], folder, dict(os.environ), folder / "output")
    while "ready" not in (folder / "output").read_text():
        assert birth(pid), "the family ended"
    return pid


def test_ending_a_group_ends_children_that_ignore_sigterm(tmp_path):
    pid = spawn_family(tmp_path)
    assert len(members(pid)) == 2
    end_group(pid, 5)
    assert members(pid) == []
    assert birth(pid) is None


def test_a_pid_that_another_process_has_now_is_not_taken_for_nifi(tmp_path):
    instance_folder(tmp_path).mkdir()
    urls = {"url": "http://127.0.0.1:1", "health_url": "http://127.0.0.1:2"}
    RunningNiFi(home=tmp_path, pid=os.getpid(), born="another time", **urls).save()
    assert RunningNiFi.load(tmp_path) is None
    RunningNiFi(home=tmp_path, pid=os.getpid(), born=birth(os.getpid()) or "", **urls).save()
    assert RunningNiFi.load(tmp_path) is not None


def test_a_damaged_state_file_means_that_nothing_runs(tmp_path):
    instance_folder(tmp_path).mkdir()
    (instance_folder(tmp_path) / "state.json").write_text("{")
    assert RunningNiFi.load(tmp_path) is None
