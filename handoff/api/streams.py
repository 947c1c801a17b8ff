"""Answers that go on while something happens: how long, how many, and when they end.

A stream ends after some minutes, so that whoever follows shows its token again, and when the service stops; the client
goes on where it was. Who forgets to close streams is refused more of them, and keeps nobody else waiting.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query
from starlette.concurrency import run_in_threadpool

from handoff.errors import TooManyError
from handoff.service import Service

LONGEST_SECONDS = 300
HEARTBEAT_SECONDS = 15.0
_LOOK_SECONDS = 0.5
_MOST_OF_ONE = 16
_RETRY_SECONDS = 5
Seconds = Annotated[
    int, Query(ge=1, le=LONGEST_SECONDS, description="Longest time that the answer goes on; then ask again.")
]
NOT_KEPT = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""Headers that keep what stands between from holding a stream back."""
_open: Counter[str] = Counter()


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found: bytes to send, and whether nothing will follow."""

    found: bytes
    ended: bool


def require_room(principal: str) -> None:
    """Let one more stream of somebody pass.

    Raises:
        TooManyError: that one has too many open.
    """
    if _open[principal] >= _MOST_OF_ONE:
        raise TooManyError(_RETRY_SECONDS)


@contextmanager
def _counted(principal: str) -> Iterator[None]:
    _open[principal] += 1
    try:
        yield
    finally:
        _open[principal] -= 1
        if not _open[principal]:
            del _open[principal]


async def looking(
    service: Service, look: Callable[[], Look], seconds: float, principal: str, heartbeat: bytes = b""
) -> AsyncIterator[bytes]:
    """Look again and again, and pass on what is new.

    Args:
        service: the end of which ends the stream.
        look: asks the database or an engine; called in a thread, never twice at a time.
        seconds: after which the stream ends.
        principal: whose stream it is.
        heartbeat: what tells those between that the connection lives; nothing when empty.
    """
    until = time.monotonic() + seconds
    said_at = time.monotonic()
    with _counted(principal):
        while True:
            looked = await run_in_threadpool(look)
            if looked.found:
                said_at = time.monotonic()
                yield looked.found
            now = time.monotonic()
            if looked.ended or now >= until or service.drain.begun:
                return
            if heartbeat and now - said_at >= HEARTBEAT_SECONDS:
                said_at = now
                yield heartbeat
            await asyncio.sleep(min(_LOOK_SECONDS, until - now))
