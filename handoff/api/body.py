"""Bodies: hashed once while they come in, never whole in memory, never longer than their limit."""

import asyncio
import contextlib
import os
import re
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import ParamSpec, TypeVar

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from handoff.api.dependencies import service_of
from handoff.body_socket import EXTENSION, BodySocket
from handoff.bulk.beside import NobodyReadsError
from handoff.bulk.given import GivenBody
from handoff.bulk.reading import BLOCK
from handoff.errors import RefusedError, StoppingError, TooLargeError
from handoff.store import Incoming

P = ParamSpec("P")
T = TypeVar("T")
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
DIGEST_HEADER = "sluice-sha256"


def announced_digest(request: Request) -> str:
    """The digest that the sender says the body has.

    Raises:
        RefusedError: the header is missing or no SHA-256 in hex.
    """
    value = request.headers.get(DIGEST_HEADER, "").strip().lower()
    if not _DIGEST.fullmatch(value):
        raise RefusedError(
            "The header Sluice-SHA256 is missing or no SHA-256.",
            code="digest-missing",
            remedy="Send the SHA-256 of the body, hex, in the header Sluice-SHA256.",
        )
    return value


async def read_chunks(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    """Yield the body; refuse one that is or becomes longer than `limit` bytes.

    A refused body is read to its end, up to once more the limit: an answer that overtakes the body would be lost
    to a sender who still writes, and a sender who sees no answer sends again for ever.

    Raises:
        TooLargeError: the body is longer.
        StoppingError: the service ends, and the body did not come in time.
    """
    ending = service_of(request).drain
    announced = request.headers.get("content-length", "")
    too_large = announced.isdecimal() and int(announced) > limit
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > 2 * limit:
            break
        if ending.over:
            raise StoppingError
        if not too_large and size <= limit:
            yield chunk
    if too_large or size > limit:
        raise TooLargeError


async def drain(request: Request, limit: int) -> None:
    """Read a body that is refused already to its end, up to `limit` bytes, and keep nothing of it."""
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            break


async def receive(request: Request, limit: int, opened: Callable[[], Incoming]) -> Incoming:
    """Stream the body into the store and check its digest. The caller keeps or discards what is returned.

    Raises:
        RefusedError: no digest was announced, or the body has another one; nothing stays.
        TooLargeError: the body is longer than `limit` bytes; nothing stays.
    """
    expected = announced_digest(request)
    body = await run_in_threadpool(opened)
    try:
        await fill(body, request, limit)
    except BaseException:
        await discard(body)
        raise
    if body.sha256 != expected:
        await discard(body)
        raise digest_differs()
    return body


async def discard(body: Incoming) -> None:
    """Forget a body, off the event loop: to remove a file of 2 GiB takes most of a second. Harmless once it is kept."""
    await asyncio.shield(asyncio.get_running_loop().run_in_executor(_HASHERS, body.discard))


async def fill(body: Incoming, request: Request, limit: int) -> None:
    """Write the body, off the event loop; what comes next comes in while the rest is hashed and written.

    Raises:
        TooLargeError: the body is longer than `limit` bytes.
        StoppingError: the service ends, and the body did not come in time.
    """
    async with aclosing(read_chunks(request, limit)) as chunks:
        first = await anext(chunks, b"")  # whoever waits for a 100 (Continue) has it now
        begun = await _fill_past_loop(body, request, first)
        if begun is not None:
            await _fill_by_loop(body, begun, chunks)


async def _fill_past_loop(body: Incoming, request: Request, first: bytes) -> bytes | None:
    """Give it to the process of large bodies.

    Returns:
        What came of the body by now, where the loop has to go on: that process cannot do it, is busy with others or is
        not there. None once all is done.
    """
    connection: BodySocket | None = request.scope.get("extensions", {}).get(EXTENSION)
    service = service_of(request)
    if connection is None or not service.bulk.there or not _ROOM.acquire(blocking=False):
        return first
    try:
        rest = connection.take(BLOCK)
        if rest is None:
            return first
        given = GivenBody(rest, service.settings.access, lambda: service.drain.over)
        working = asyncio.get_running_loop().run_in_executor(_WAITERS, given.fill, body, first, service.bulk)
        try:
            await asyncio.shield(working)
        except NobodyReadsError:
            return first + rest.came
        finally:
            given.given_up.set()
            try:
                await _end_of(working)  # nobody may write to a body that is given up
            finally:
                connection.give_back(rest, given.read)
                request.scope.setdefault("state", {})["read_past_loop"] = len(rest.came) + (given.read or 0)
    finally:
        _ROOM.release()
    return None


async def _fill_by_loop(body: Incoming, first: bytes, rest: AsyncIterator[bytes]) -> None:
    """Write it in blocks, each hashed and written while the next one comes in."""
    chunks = [first]
    waiting = len(first)
    writing: asyncio.Future[object] | None = None
    try:
        async for chunk in rest:
            chunks.append(chunk)
            waiting += len(chunk)
            if waiting >= BLOCK:
                if writing is not None:
                    await asyncio.shield(writing)
                writing = _write(body, b"".join(chunks))
                chunks, waiting = [], 0
        if writing is not None:
            await asyncio.shield(writing)
        writing = _write(body, b"".join(chunks))
        await asyncio.shield(writing)
    finally:
        if writing is not None:
            await _end_of(writing)  # nobody may write to a body that is given up


async def _end_of(working: asyncio.Future[T]) -> None:
    """Wait for it, however often we are cancelled meanwhile: the end of a service cancels what it cancelled before."""
    cancelled = None
    while not working.done():
        try:
            await asyncio.wait([working])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


def _write(body: Incoming, block: bytes) -> asyncio.Future[object]:
    """Write a block, and let whoever watches look at it meanwhile: hashing leaves the interpreter to others."""
    loop = asyncio.get_running_loop()
    steps = [loop.run_in_executor(_HASHERS, body.write, [block])]
    if body.watch is not None:
        steps.append(loop.run_in_executor(_HASHERS, body.watch.feed, block))
    return asyncio.ensure_future(_all(steps))


async def _all(steps: list[asyncio.Future[None]]) -> None:
    """Wait for each to its end, and then raise what one of them raised."""
    await asyncio.wait(steps)
    for step in steps:
        step.result()


def _yield_to_requests() -> None:
    """Let answers go before bulk data where cores are few. On Linux each thread has a priority of its own."""
    with contextlib.suppress(OSError):
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _NICE)


_NICE = 10
_AT_ONCE = 8
_ROOM = threading.BoundedSemaphore(_AT_ONCE)
_WAITERS = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="body")
_HASHERS = ThreadPoolExecutor(max_workers=8, thread_name_prefix="body", initializer=_yield_to_requests)


async def keep(request: Request, step: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Do what must not be left half done, in a thread, to its end even when the request is given up meanwhile."""

    def work() -> T:
        with service_of(request).drain.keeping():
            return step(*arguments, **named)

    working = asyncio.ensure_future(run_in_threadpool(work))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await _end_of(working)
        raise


def digest_differs() -> RefusedError:
    """The error for a body that is not what its header says."""
    return RefusedError(
        "The body has another SHA-256 than the header says.",
        code="body-digest",
        remedy="Nothing was stored; send it again.",
    )
