"""Senders of large packages and of many small requests, each a process of its own, and a plain copy to compare with."""

import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.performance.large_packages import LargePackage

BLOCK = 1 << 20


@dataclass(frozen=True)
class Door:
    """Where the handoff listens, and the tokens of its home."""

    host: str
    port: int
    intake: str
    api: str


def processes(count: int) -> ProcessPoolExecutor:
    """Senders that share no interpreter with anybody."""
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"))


def deliver(door: Door, package: LargePackage) -> float:
    """Seconds until the receipt of one package."""
    head = (
        f"PUT /v1/shipments/{package.id} HTTP/1.1\r\nHost: {door.host}\r\nAuthorization: Bearer {door.intake}\r\n"
        f"Sluice-SHA256: {package.sha256}\r\nContent-Length: {package.size}\r\n"
        "Content-Type: application/zip\r\nConnection: close\r\n\r\n"
    )
    began = time.perf_counter()
    with socket.create_connection((door.host, door.port)) as connection:
        connection.sendall(head.encode())
        for piece in package.pieces:
            connection.sendall(piece)
        answer = connection.makefile("rb").read()
    if not answer.startswith(b"HTTP/1.1 201"):
        raise RuntimeError(answer[:400].decode(errors="replace"))
    return time.perf_counter() - began


def copy(folder: str, package: LargePackage) -> float:
    """Seconds for the same bytes over the same loopback into a file of the same disk, durable, and nothing else."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        sender = threading.Thread(target=_send, args=(listening.getsockname(), package))
        began = time.perf_counter()
        sender.start()
        connection, _ = listening.accept()
        file = Path(folder) / f"{package.id}.copy"
        with connection, file.open("wb", buffering=0) as target:
            view = memoryview(bytearray(BLOCK))
            while size := connection.recv_into(view):
                target.write(view[:size])
            os.fsync(target.fileno())
        seconds = time.perf_counter() - began
        sender.join()
    file.unlink()
    return seconds


def _send(address: tuple[str, int], package: LargePackage) -> None:
    with socket.create_connection(address) as connection:
        for piece in package.pieces:
            connection.sendall(piece)


def post_steadily(
    door: Door, path: str, bodies: Sequence[dict[str, Any]], per_second: float, connections: int = 16
) -> list[float]:
    """Seconds of each request from when it was due, so that one that waits for a slow one counts as slow too."""
    began = time.perf_counter() + 0.2
    seconds = [0.0] * len(bodies)
    turn, order = threading.Lock(), iter(range(len(bodies)))

    def work() -> None:
        connection = http.client.HTTPConnection(door.host, door.port, timeout=60)
        headers = {"Authorization": f"Bearer {door.api}", "Content-Type": "application/json"}
        while True:
            with turn:
                number = next(order, None)
            if number is None:
                return connection.close()
            due = began + number / per_second
            time.sleep(max(0.0, due - time.perf_counter()))
            connection.request("POST", path, json.dumps(bodies[number]), headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != 202:
                raise RuntimeError(content.decode())
            seconds[number] = time.perf_counter() - due

    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seconds


def sync_steadily(folder: str, per_second: float, seconds: float) -> list[float]:
    """Seconds of each small write to a file of that disk until it is durable, from when it was due."""
    file = Path(folder) / "sync-probe"
    taken: list[float] = []
    with file.open("wb", buffering=0) as target:
        began = time.perf_counter()
        while (due := len(taken) / per_second) < seconds:
            time.sleep(max(0.0, began + due - time.perf_counter()))
            target.write(bytes(8192))
            os.fsync(target.fileno())
            taken.append(time.perf_counter() - began - due)
    file.unlink()
    return taken
