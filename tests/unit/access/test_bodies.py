"""Bodies: never longer than their limit in memory, and not waited for without end."""

import asyncio

import httpx
import pytest

from handoff.access.access_settings import AccessLimits
from handoff.api.limit import BodyLimit
from handoff.api.pace import paced
from handoff.errors import SlowError
from tests.virtual_time import run_at_once

LIMITS = AccessLimits(silence_seconds=0.2, slowest_bytes_per_second=1000, max_json_bytes=1000, max_long_json_bytes=4000)


async def _echo(_scope, receive, send):
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


def sent(method: str, path: str, content) -> httpx.Response:
    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(BodyLimit(_echo, LIMITS))
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.request(method, path, content=content)

    return run_at_once(run())


@pytest.mark.parametrize(
    ("method", "path", "size", "status"),
    [
        ("POST", "/v1/handoffs", 1000, 200),
        ("POST", "/v1/handoffs", 1001, 413),
        ("PUT", "/v1/results/objects/x/acknowledgement", 1001, 413),
        ("PUT", "/v1/models/unet/aliases/champion", 1001, 413),
        ("DELETE", "/v1/anything", 1001, 413),
        ("POST", "/v1/shipments/x", 1001, 413),
        ("POST", "/v1/batches", 4000, 200),
        ("POST", "/v1/batches", 4001, 413),
        ("POST", "/v1/pipelines", 1_000_000, 413),
        ("PUT", "/v1/shipments/x", 1_000_000, 200),
        ("PUT", "/v1/runs/x/files/results/y", 1_000_000, 200),
    ],
)
def test_only_what_is_streamed_has_no_limit_here(method, path, size, status):
    answer = sent(method, path, b"x" * size)
    assert answer.status_code == status
    assert status != 200 or answer.text == str(size)


async def _read_on(receive, most: int = 10) -> None:
    for _ in range(most):
        await receive()


async def _slowly(pauses: list[float], size: int):
    for pause in pauses:
        await asyncio.sleep(pause)
        yield b"x" * size


@pytest.mark.parametrize("path", ["/v1/handoffs", "/v1/shipments/x"])
def test_a_body_that_comes_in_pieces_is_waited_for(path):
    assert sent("PUT", path, _slowly([0.05] * 4, 250)).text == "1000"


def test_a_body_that_falls_silent_is_given_up():
    answer = sent("POST", "/v1/handoffs", _slowly([0, 0.6], 10))
    assert (answer.status_code, answer.json()["code"]) == (408, "request-timeout")
    assert answer.headers["connection"] == "close"


def test_a_body_that_drips_is_given_up_though_it_never_falls_silent():
    """10 bytes each 50 ms are 200 a second, of 1000: after 0.2 s of grace it is over."""

    async def drip() -> None:
        async def receive():
            await asyncio.sleep(0.05)
            return {"type": "http.request", "body": b"x" * 10, "more_body": True}

        await _read_on(paced(receive, LIMITS))

    with pytest.raises(SlowError):
        run_at_once(drip())


def test_time_that_the_service_takes_itself_is_not_the_senders():
    async def slow_disk() -> int:
        left = [b"x"] * 5

        async def receive():
            body = left.pop()
            return {"type": "http.request", "body": body, "more_body": bool(left)}

        in_time, size, more = paced(receive, LIMITS), 0, True
        while more:
            message = await in_time()
            size, more = size + len(message["body"]), message["more_body"]
            await asyncio.sleep(0.1)
        return size

    assert run_at_once(slow_disk()) == 5


def test_whoever_waits_for_the_end_of_a_connection_may_wait_long():
    """A stream of events asks `receive` for the disconnect, long after the body."""

    async def wait() -> str:
        messages = [{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}]

        async def receive():
            if len(messages) == 1:
                await asyncio.sleep(0.5)
            return messages.pop(0)

        in_time = paced(receive, LIMITS)
        await in_time()
        return (await in_time())["type"]

    assert run_at_once(wait()) == "http.disconnect"
