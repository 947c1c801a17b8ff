"""What a receiver can run short of, and how each is measured."""

import errno
import os
import resource as system
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from processors.dicom.pressure import (
    BACKLOG_BYTES,
    BACKLOG_DELIVERIES,
    BACKLOG_OBJECTS,
    DESCRIPTORS,
    DISK,
    LEDGER,
    LEDGER_QUEUE,
    Resource,
)
from processors.ledger.backlog import Backlog, backlog
from processors.ledger.errors import LedgerError
from processors.ledger.schema import connect_readonly
from processors.limits import ReceiverLimits

MOST_DESCRIPTORS: Final = 65536
SELECTABLE: Final = 1024
"""FD_SETSIZE: pynetdicom waits by select(), which takes no higher descriptor."""
_BACKLOG_EVERY: Final = 5


def raise_descriptors() -> None:
    """Let this process have as many file descriptors as it may: 500 associations need more than the usual 1024."""
    soft, hard = system.getrlimit(system.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == system.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != system.RLIM_INFINITY and soft < wanted:
        system.setrlimit(system.RLIMIT_NOFILE, (wanted, hard))


def _limit() -> int:
    soft, _ = system.getrlimit(system.RLIMIT_NOFILE)
    return MOST_DESCRIPTORS if soft == system.RLIM_INFINITY else soft


def open_descriptors() -> int:
    """How many this process has open; as many as it may, when none is left to count them with."""
    try:
        return len(os.listdir("/proc/self/fd")) - 1  # noqa: PTH208 - names are enough; one is the listing's own
    except OSError as error:
        if error.errno not in {errno.EMFILE, errno.ENFILE}:
            raise
        return _limit()


def free_descriptors(most: int | None = None) -> int:
    """How many more this process can open, of `most` if it cannot use higher ones."""
    limit = _limit()
    return min(limit, most or limit) - open_descriptors()


def resources(
    limits: ReceiverLimits,
    *,
    reserve_bytes: int,
    free_bytes: Callable[[], int],
    ledger: Path,
    queued: Callable[[], int],
    is_broken: Callable[[], bool] = lambda: False,
    most_descriptors: int | None = None,
) -> list[Resource]:
    """All that has a limit.

    Args:
        limits: Which.
        reserve_bytes: Free disk below which objects are refused.
        free_bytes: What the landing's disk has left.
        ledger: The ledger file.
        queued: How many rows wait for the ledger.
        is_broken: Whether they wait for a person to mend it.
        most_descriptors: The highest that the engine can use; None for the system's limit.
    """
    known = _Seen(ledger)
    found = [
        Resource(DISK, reserve_bytes, "B", free_bytes, is_floor=True),
        Resource(DESCRIPTORS, limits.descriptors, "count", lambda: free_descriptors(most_descriptors), is_floor=True),
        Resource(LEDGER_QUEUE, limits.ledger_queue, "count", queued, is_floor=False),
        Resource(LEDGER, 0, "count", lambda: int(is_broken()), is_floor=False),
    ]
    for kind, limit, unit, measure in (
        (BACKLOG_BYTES, limits.backlog_bytes, "B", lambda seen: seen.bytes),
        (BACKLOG_OBJECTS, limits.backlog_objects, "count", lambda seen: seen.objects),
        (BACKLOG_DELIVERIES, limits.backlog_deliveries, "count", lambda seen: seen.waiting),
    ):
        if limit is not None:
            found.append(Resource(kind, limit, unit, known.measured(measure), is_floor=False, every=_BACKLOG_EVERY))
    return found


class _Seen:
    """The backlog, through a connection for each look: no transaction stays open, and a new ledger is seen."""

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger

    def measured(self, part: Callable[[Backlog], float]) -> Callable[[], float | None]:
        def measure() -> float | None:
            try:
                with closing(connect_readonly(self._ledger)) as connection:
                    return part(backlog(connection))
            except (LedgerError, sqlite3.Error):
                return None

        return measure
