"""Announces what the ledger says is due, one FlowFile after the other, and sleeps in between at no cost."""

import contextlib
import os
import select
from collections import deque
from pathlib import Path
from typing import Final

from processors.delivery import retention
from processors.delivery.quiet import confide
from processors.delivery.step_retention import sweep_steps
from processors.delivery.workplace import Workplace
from processors.landing.layout import Layout
from processors.landing.lock import hold, holder
from processors.ledger import announcements
from processors.ledger.announcements import Announcement
from processors.site import Site

WAIT_SECONDS: Final = 1.0
"""How long `next` may wait: NiFi must be able to stop the processor."""
FRESH_SECONDS: Final = 30.0
"""How long announcements wait here to be fetched. Older ones are dropped; the ledger makes them due again."""
SWEEP_SECONDS: Final = 600.0
REST_SECONDS: Final = 10.0
"""After a sweep that left something for the next one: a day may bring more than one sweep in ten minutes removes."""


class Announcer:
    """The one announcer of a landing.

    Raises:
        LandingTakenError: another process announces this landing.
    """

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._ready: deque[Announcement] = deque()
        self._taken_at = 0.0
        self._swept_at = 0.0
        self._open = contextlib.ExitStack()
        place.layout.prepare()
        self._open.enter_context(hold(place.layout.announcer_lock, "announcer"))
        self._fifo = os.open(place.layout.notify, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._open.callback(os.close, self._fifo)
        self._news = select.poll()
        self._news.register(self._fifo, select.POLLIN)
        if not place.announcer_started:
            announcements.start_anew(place.ledger)
            place.announcer_started = True

    def next(self, wait: float = WAIT_SECONDS) -> Announcement | None:
        """The next announcement; None when nothing came due within `wait` seconds."""
        self._sweep_now_and_then()
        if not self._fetched():
            self._sleep(wait)
            if not self._fetched():
                return None
        return self._ready.popleft()

    def close(self) -> None:
        """Let another announcer have the landing."""
        self._open.close()

    def _fetched(self) -> bool:
        """Whether an announcement is at hand, fetching many in one transaction when none is."""
        now = self._place.clock()
        if self._ready and now - self._taken_at < FRESH_SECONDS:
            return True
        self._ready = deque(announcements.take(self._place.ledger, now))
        self._taken_at = now
        return bool(self._ready)

    def _sweep_now_and_then(self) -> None:
        now = self._place.clock()
        if now - self._swept_at >= SWEEP_SECONDS:
            self._swept_at = now
            for sweep in (retention.sweep, retention.sweep_results, retention.sweep_inbox, sweep_steps):
                try:
                    if sweep(self._place) >= retention.AT_ONCE:
                        self._swept_at = now - SWEEP_SECONDS + REST_SECONDS
                except OSError as error:  # what cannot be removed must not keep anything from being announced
                    confide(self._place.site.workers_log, error)

    def _sleep(self, wait: float) -> None:
        """Wait for the receiver's byte or for the earliest due time."""
        due = announcements.next_due(self._place.ledger)
        if due is not None:
            wait = min(wait, max(due - self._place.clock(), 0.0))
        if self._news.poll(wait * 1000):
            with contextlib.suppress(BlockingIOError):
                os.read(self._fifo, 65536)


def holder_of(home: Path) -> str | None:
    """Which other process announces the landing of a trusted home; None when none or this one does."""
    found = holder(Layout(Site.load(home).landing).announcer_lock)
    return None if found is None or found.startswith(f"process {os.getpid()} ") else found
