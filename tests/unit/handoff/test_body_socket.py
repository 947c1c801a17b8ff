"""A connection whose bodies a thread reads goes on as one whose bodies the loop read."""

import asyncio
import socket

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from handoff.access.access_settings import AccessLimits
from handoff.body_socket import EXTENSION
from handoff.connections import bounded

LEAST = 100_000
BODY = b"x" * 3_000_000
TAKEN, BY_LOOP = b"taken", b"by-loop"


async def app(scope, receive, send) -> None:
    """Answer how a body was read, and its size; of a body that says so, leave the last half."""
    size, more = 0, True
    message = await receive()
    size += len(message.get("body", b""))
    connection = scope["extensions"][EXTENSION]
    rest = connection.take(LEAST)
    if rest is not None:
        read = await asyncio.to_thread(_read, rest.socket, rest.left // (2 if scope["path"] == "/half" else 1))
        connection.give_back(rest, read)
        size += len(rest.came) + read
        assert scope["path"] == "/half" or not (await receive())["more_body"]
    else:
        more = message["more_body"]
        while more:
            message = await receive()
            size, more = size + len(message["body"]), message["more_body"]
    text = b"%s %d;" % (BY_LOOP if rest is None else TAKEN, size)
    headers = [(b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text})


def _read(connection: socket.socket, size: int) -> int:
    connection = connection.dup()
    connection.settimeout(60)
    with connection:
        left = size
        while left:
            left -= len(connection.recv(min(left, 1 << 16)))
    return size


def answers(*requests: bytes) -> list[bytes]:
    """What a connection says to requests that are sent without a pause; its bodies, by their last letter."""

    async def run() -> list[bytes]:
        config = Config(app, lifespan="off", ws="none", log_config=None)
        config.load()
        loop = asyncio.get_running_loop()
        protocol = bounded(AccessLimits())
        server = await loop.create_server(lambda: protocol(config, ServerState(), {}), "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"".join(requests))
            found = [(await reader.readuntil(b";")).rpartition(b"\r\n\r\n")[2] for _ in requests]
            writer.close()
            await writer.wait_closed()
            return found

    return asyncio.run(run())


def put(size: int, path: str = "/", *headers: str) -> bytes:
    lines = [f"PUT {path} HTTP/1.1", "Host: x", f"Content-Length: {size}", *headers, "", ""]
    return "\r\n".join(lines).encode() + BODY[:size]


CHUNKED = b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"%x\r\n%s\r\n0\r\n\r\n" % (
    len(BODY),
    BODY,
)


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (put(len(BODY)), b"taken 3000000;"),
        (put(len(BODY), "/", "Expect: 100-continue"), b"taken 3000000;"),
        (put(1000), b"by-loop 1000;"),
        (put(0), b"by-loop 0;"),
        (CHUNKED, b"by-loop 3000000;"),
    ],
    ids=["large", "expect", "small", "empty", "chunked"],
)
def test_a_body_is_read_and_the_next_request_after_it(request_, answer):
    assert answers(request_, put(1000), request_, put(5)) == [answer, b"by-loop 1000;", answer, b"by-loop 5;"]


def test_what_nobody_read_of_a_body_is_dropped_before_the_next_request():
    first, second = answers(put(len(BODY), "/half"), put(1000))
    assert first.startswith(TAKEN)
    assert int(first[6:-1]) < len(BODY)
    assert second == b"by-loop 1000;"
