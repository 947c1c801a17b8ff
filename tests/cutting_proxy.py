"""A TCP proxy that loses answers: the server has done what was asked, and the client never hears of it."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class CuttingProxy:
    """Stands before a server of loopback; without orders it passes everything on."""

    def __init__(self, upstream: int, port: int = 0) -> None:
        self.upstream = upstream
        self.held = threading.Event()
        self._to_hold: list[bytes] = []
        self._released = threading.Event()
        self.lost: list[bytes] = []
        self._to_lose: list[bytes] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def lose(self, request: bytes, times: int = 1) -> None:
        """Lose the answers to the next requests whose first line has these bytes."""
        with self._lock:
            self._to_lose += [request] * times

    def hold(self, request: bytes) -> None:
        """Keep back the answer to the next such request until `release`; `held` is set when there is one."""
        with self._lock:
            self._to_hold.append(request)

    def release(self) -> None:
        """Let go what is held."""
        self._released.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _shut(self._listener)  # without the shutdown, `accept` would keep it listening

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        """Pass requests on; each answer is looked at before its first byte goes back."""
        try:
            server = socket.create_connection(("127.0.0.1", self.upstream))
        except OSError:
            client.close()
            return
        head = [b""]
        threading.Thread(target=self._answers, args=(server, client, head), daemon=True).start()
        try:
            while data := client.recv(1 << 16):
                if data.split(b" ", 1)[0] in {b"GET", b"POST", b"PATCH", b"DELETE", b"PUT"}:
                    head[0] = data.split(b"\r\n", 1)[0]
                server.sendall(data)
        except OSError:
            pass
        finally:
            _shut(server)

    def _answers(self, server: socket.socket, client: socket.socket, head: list[bytes]) -> None:
        try:
            while data := server.recv(1 << 16):
                if self._holds(head[0]):
                    self.held.set()
                    self._released.wait()
                if self._loses(head[0]):
                    return
                client.sendall(data)
        except OSError:
            pass
        finally:
            _shut(client)
            _shut(server)

    def _holds(self, head: bytes) -> bool:
        with self._lock:
            found = [request for request in self._to_hold if request in head]
            for request in found:
                self._to_hold.remove(request)
        return bool(found)

    def _loses(self, head: bytes) -> bool:
        with self._lock:
            for request in self._to_lose:
                if request in head:
                    self._to_lose.remove(request)
                    self.lost.append(head)
                    return True
        return False


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
