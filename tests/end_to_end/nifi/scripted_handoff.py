"""A handoff that answers what a test tells it to, and remembers what it was asked."""

import json
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Self

SHIPMENT = "0123456789abcdef0123456789abcdef"
"""The shipment of every FlowFile that tests put before the deliver group."""

DROP = 0
"""In a script: close the connection without an answer."""


@dataclass
class Request:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class ScriptedHandoff:
    """Answers each PUT with the next status of the script, and 422 once the script is over."""

    script: list[int] = field(default_factory=list)
    requests: "Queue[Request]" = field(default_factory=Queue)
    objects: dict[str, bytes] = field(default_factory=dict)
    """Open objects of results by id, claim and all; each until it is acknowledged."""
    acknowledgements: "Queue[Request]" = field(default_factory=Queue)
    headers: dict[str, str] = field(default_factory=dict)
    """Sent with each object."""
    tls: ssl.SSLContext | None = None
    """What it speaks TLS by."""

    def __enter__(self) -> Self:
        handoff = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path.endswith("/acknowledgement"):
                    handoff.objects.pop(self.path.split("/")[-2], None)
                    handoff.acknowledgements.put(Request(self.path, dict(self.headers), body))
                    self._answer(b"{}", {})
                    return
                handoff.requests.put(Request(self.path, dict(self.headers), body))
                status = handoff.script.pop(0) if handoff.script else 422
                if status == DROP:
                    self.close_connection = True
                    return
                self.send_response(status)
                if status in {301, 302}:
                    self.send_header("Location", "/elsewhere")
                self.send_header("filename", "overwritten")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def do_GET(self) -> None:
                name = self.path.rpartition("/")[2]
                if name.startswith("objects"):
                    listed = [{"id": id_} for id_ in handoff.objects]
                    self._answer(json.dumps({"items": listed, "next": None}).encode(), {})
                else:
                    self._answer(handoff.objects.get(name, b""), handoff.headers)

            def _answer(self, body: bytes, headers: dict[str, str]) -> None:
                self.send_response(200)
                for key, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Be silent."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """Be silent about who hangs up."""

        self._server = Server(("127.0.0.1", 0), Handler)
        if self.tls:
            # Each thread shakes hands for itself, so one that takes long keeps nobody waiting.
            self._server.socket = self.tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"
