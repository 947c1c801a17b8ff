"""What runs short is measured even when nothing is left to measure with, and by one fault no other measure suffers."""

import errno
import io
import os
import resource
from contextlib import ExitStack
from pathlib import Path

import pytest

from processors.dicom.event_log import EventLog
from processors.dicom.pressure import DESCRIPTORS, DISK, Pressure, Resource
from processors.dicom.resources import free_descriptors


def take_all(taken: ExitStack) -> None:
    while True:
        taken.callback(os.close, os.open(os.devnull, os.O_RDONLY))


def test_without_a_descriptor_to_count_them_with_none_is_free() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as taken:
        highest = max(int(one.name) for one in Path("/proc/self/fd").iterdir())
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, hard))
        taken.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        with pytest.raises(OSError, match="Too many open files"):
            take_all(taken)
        free = free_descriptors()
    assert free <= 0


def broken() -> float:
    raise OSError(errno.EIO, "Input/output error")


def pressure(log: io.StringIO) -> Pressure:
    return Pressure(
        [
            Resource(DISK, 10, "B", broken, is_floor=True),
            Resource(DESCRIPTORS, 100, "count", lambda: 5.0, is_floor=True),
        ],
        relief=0.1,
        hold_seconds=0,
        log=EventLog(log),
        tell=lambda _cause, _detail: None,
    )


def test_what_the_system_refused_is_short_even_if_it_cannot_be_measured() -> None:
    """A store that failed asks; it must get its status whatever becomes of that."""
    one = pressure(io.StringIO())
    one.doubt(DISK)
    assert one.states == ()
    one.doubt(DISK, is_certain=True)
    assert one.states == (DISK,)


def test_a_measure_that_fails_is_told_and_the_next_is_taken() -> None:
    log = io.StringIO()
    one = pressure(log)
    one.look()
    assert one.states == (DESCRIPTORS,)
    assert "pressure-fault" in log.getvalue()
