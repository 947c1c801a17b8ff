"""A body is written to its end or given up, and given up only when nobody writes to it any more."""

import asyncio
import threading
from types import SimpleNamespace

import pytest
from fastapi import Request

from handoff.api.body import fill
from handoff.bulk.beside import BulkBeside
from handoff.bulk.reading import BLOCK
from handoff.drain import Drain


class SlowBody:
    """Takes a block when it is told to."""

    watch = None

    def __init__(self) -> None:
        self.begun, self.go_on, self.ended = threading.Event(), threading.Event(), threading.Event()

    def write(self, _chunks: list[bytes]) -> None:
        self.begun.set()
        self.go_on.wait(60)
        self.ended.set()


def request() -> Request:
    """One whose sender has sent a block, and more to come."""
    service = SimpleNamespace(drain=Drain(0), bulk=BulkBeside())
    messages = [{"type": "http.request", "body": b"x" * BLOCK, "more_body": True}] * 2

    async def receive() -> dict[str, object]:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop()

    app = SimpleNamespace(state=SimpleNamespace(service=service))
    return Request({"type": "http", "method": "PUT", "headers": [], "app": app}, receive)


@pytest.mark.parametrize("times", [1, 3])
def test_a_request_ends_after_whoever_writes_for_it_however_often_it_is_cancelled(times):
    async def run() -> None:
        body = SlowBody()
        filling = asyncio.ensure_future(fill(body, request(), 10 * BLOCK))
        await asyncio.to_thread(body.begun.wait, 60)
        for _ in range(times):
            filling.cancel()
            await asyncio.wait([filling], timeout=0)
            await asyncio.sleep(0)
        assert not filling.done()
        body.go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await filling
        assert body.ended.is_set()

    asyncio.run(run())
