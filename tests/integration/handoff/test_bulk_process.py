"""The process that reads large bodies may die at any time, and ends with its service however that ends."""

import contextlib
import os
import signal
from pathlib import Path

import pytest

from tests.integration.handoff.packages import Package
from tests.integration.handoff.running import RunningHandoff, running
from tests.integration.handoff.test_ending import Uploading, tell_to_end
from tests.waiting import wait_for

pytestmark = pytest.mark.integration


def readers(service: RunningHandoff) -> list[int]:
    """The processes of large bodies of a service."""
    children = [
        int(pid) for file in Path(f"/proc/{service.process.pid}/task").glob("*/children") for pid in _words(file)
    ]
    return [pid for pid in children if b"handoff.bulk.process" in _bytes(pid, "cmdline")]


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []


def _bytes(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def lives(pid: int) -> bool:
    stat = _bytes(pid, "stat")
    return bool(stat) and stat.rpartition(b")")[2].split()[0] != b"Z"


def reading_one(service: RunningHandoff) -> int:
    """The process that has a part file open."""
    found: list[int] = []

    def look() -> bool:
        found[:] = [pid for pid in readers(service) if any(name.endswith(".part") for name in open_files(pid))]
        return len(found) == 1

    wait_for(look)
    return found[0]


def open_files(pid: int) -> list[str]:
    names = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            names.append(str(link.readlink()))
        except OSError:  # closed meanwhile
            continue
    return names


def test_an_upload_whose_reader_dies_is_refused_honestly_and_the_next_one_is_taken(tmp_path):
    with running(tmp_path) as service:
        with Uploading(service) as upload:
            os.kill(reading_one(service), signal.SIGKILL)
            answer = upload.finish()
            assert (answer.status, b'"code":"reader-died"' in answer.read()) == (503, True)
            assert answer.getheader("connection") == "close"
            assert service.stored() == []
            again = service.put(f"/v1/shipments/{upload.package.id}", upload.body)
            assert again.status_code == 201
        with Uploading(service) as upload:
            assert reading_one(service)
            assert upload.finish().status == 201


def test_an_upload_is_taken_in_the_moment_before_another_reader_is_started(tmp_path):
    with running(tmp_path) as service:
        wait_for(lambda: readers(service))
        (reader,) = readers(service)
        os.kill(reader, signal.SIGKILL)
        wait_for(lambda: not Path(f"/proc/{reader}").exists())
        package = Package.of(1, size=6 << 20)
        assert service.put(f"/v1/shipments/{package.id}", package.body()).status_code == 201
        wait_for(lambda: readers(service))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_whole_group_lets_an_upload_arrive(tmp_path, number):
    with running(tmp_path) as service, Uploading(service) as upload:
        os.kill(reading_one(service), number)
        tell_to_end(service)
        assert upload.finish().status == 201
        assert service.stop() == 0


def test_a_service_that_is_killed_leaves_no_reader_no_connection_and_no_part(tmp_path):
    with running(tmp_path) as service, Uploading(service) as upload:
        reader = reading_one(service)
        service.kill()
        wait_for(lambda: not lives(reader))
        with contextlib.suppress(ConnectionResetError):
            assert upload.connection.sock.recv(1) == b""
        service.start()
        assert service.stored() == []


def test_no_reader_is_left_after_a_clean_end(tmp_path):
    with running(tmp_path) as service:
        wait_for(lambda: readers(service))
        (reader,) = readers(service)
        assert service.stop() == 0
        assert not lives(reader)


def test_a_reader_that_hangs_does_not_keep_the_service_from_ending(tmp_path):
    with running(tmp_path, settings={"stop_seconds": 0}) as service, Uploading(service):
        reader = reading_one(service)
        os.kill(reader, signal.SIGSTOP)
        assert service.stop() == 0
        assert not lives(reader)
        assert service.stored() == []
