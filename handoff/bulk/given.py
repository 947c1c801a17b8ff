"""A body that is given to the process of large bodies, and what becomes of it."""

import contextlib
import os
import select
import socket
import threading
from collections.abc import Callable, Iterator
from typing import assert_never

from starlette.requests import ClientDisconnect

from handoff.access.access_settings import AccessLimits
from handoff.bulk.beside import BulkBeside
from handoff.bulk.errand import STOPPING, BrokenOffError, Errand, Outcome, answered, ask
from handoff.bulk.pace import Pace
from handoff.bulk.reading import Reading, Rest, SenderGoneError
from handoff.errors import ReaderDiedError, SlowError, StoppingError
from handoff.shipments.stream import MemberStream, SeenMember
from handoff.store import Incoming

_LOOK_SECONDS = 0.25
_REST_SECONDS = 1.0
"""Silence after which the rest of a body that nobody counts any more is believed to be over."""


class GivenBody:
    """One body. A thread waits in `fill`; the rest may be called by anybody."""

    def __init__(self, rest: Rest, limits: AccessLimits, over: Callable[[], bool]) -> None:
        """Begin.

        Args:
            rest: the socket, and what came before.
            limits: its pace.
            over: whether what still comes is refused.
        """
        self.read: int | None = 0
        """Bytes that were taken from the socket; None where nobody knows."""
        self.given_up = threading.Event()
        self._rest = rest
        self._limits = limits
        self._over = over

    def fill(self, body: Incoming, first: bytes, beside: BulkBeside) -> None:
        """Have the process write and hash all of the body, which began with `first`.

        Raises:
            NobodyReadsError: the process is not there; nothing was read.
            ReaderDiedError: it died in the middle.
            ClientDisconnect: the sender went away.
            SlowError: the sender is too slow, or the body was given up.
            StoppingError: the service ends, and the body did not come in time.
            OSError: of the disk.
        """
        watch = body.watch if isinstance(body.watch, MemberStream) else None
        limits = self._limits.silence_seconds, self._limits.slowest_bytes_per_second
        errand = Errand(self._rest.left, *limits, None if watch is None else watch.most)
        ours, theirs = socket.socketpair()
        with ours:
            with theirs, _opened(body) as file:
                beside.give(self._rest.socket.fileno(), file, theirs.fileno())
            try:
                outcome, seen = self._ask(ours, errand, first + self._rest.came)
            except (BrokenOffError, ConnectionError) as error:
                self.read = None
                self._drop_rest()
                raise ReaderDiedError from error
        self.read = outcome.read
        _require_whole(outcome)
        body.written_elsewhere(outcome.size, outcome.sha256)
        if watch is not None:
            watch.seen = seen

    def _ask(self, channel: socket.socket, errand: Errand, came: bytes) -> tuple[Outcome, dict[int, SeenMember]]:
        """Wait for the answer, and say meanwhile what changes."""
        ask(channel, errand, came)
        said_over = said_given_up = False
        poll = select.poll()
        poll.register(channel, select.POLLIN)
        while not poll.poll(1000 * _LOOK_SECONDS):
            if self._over() and not (said_over or said_given_up):
                channel.sendall(STOPPING)
                said_over = True
            if self.given_up.is_set() and not said_given_up:
                channel.shutdown(socket.SHUT_WR)
                said_given_up = True
        with channel.makefile("rb") as stream:
            return answered(stream)

    def _drop_rest(self) -> None:
        """Read what still comes and keep nothing: an answer that overtakes the body would be lost to its sender."""
        pace = Pace(self._limits.model_copy(update={"silence_seconds": _REST_SECONDS}))
        reading = Reading(Rest(b"", self._rest.left, self._rest.socket), pace, self._over)
        reading.given_up = self.given_up
        with contextlib.suppress(SenderGoneError, SlowError, StoppingError):
            reading.pass_on(b"", [])


@contextlib.contextmanager
def _opened(body: Incoming) -> Iterator[int]:
    file = body.opened_again()
    try:
        yield file
    finally:
        os.close(file)


def _require_whole(outcome: Outcome) -> None:
    match outcome.end:
        case "whole":
            return
        case "gone":
            raise ClientDisconnect
        case "slow":
            raise SlowError
        case "stopping":
            raise StoppingError
        case "disk":
            raise OSError(outcome.number, os.strerror(outcome.number))
        case "failed":
            message = f"reading a large body failed: {outcome.cause}"
            raise RuntimeError(message)
        case _ as unreachable:
            assert_never(unreachable)
