"""The receiver's management interface, on a port of its own, never on a modality's.

`/metrics` is for Prometheus, `/healthz` says that the process lives, `/readyz` whether it takes objects or why not.
"""

import socketserver
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from processors.dicom.errors import ListenError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

_POLL_SECONDS = 3600.0
"""How often the idle thread wakes up; it is a daemon, so nothing waits for it."""


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class' name
        """Say nothing: a scrape is no event."""


def serve_management(
    host: str, port: int, registry: CollectorRegistry, strains: Callable[[], Sequence[str]] = tuple
) -> int:
    """Serve in a thread of its own, and return the port.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        registry: What `/metrics` shows.
        strains: What the receiver runs short of now; it is ready while that is nothing.

    Raises:
        ListenError: the port cannot be bound.
    """
    metrics = make_wsgi_app(registry)

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path, method = environ.get("PATH_INFO"), environ.get("REQUEST_METHOD")
        if path == "/metrics" and method in {"GET", "HEAD"}:
            answer: Iterable[bytes] = metrics(environ, start_response)
            return answer
        if path == "/readyz" and method in {"GET", "HEAD"}:
            short = strains()
            if short:
                return _plain(start_response, "503 Service Unavailable", f"under pressure: {', '.join(short)}")
            return _plain(start_response, "200 OK", "ready")
        found = path == "/healthz" and method in {"GET", "HEAD"}
        return _plain(start_response, "200 OK" if found else "404 Not Found")

    try:
        server = make_server(host, port, app, server_class=_Server, handler_class=_Quiet)
    except OSError as error:
        message = f"The management interface cannot listen on {host}:{port} ({error.strerror})."
        raise ListenError(message) from error
    _thread(lambda: server.serve_forever(_POLL_SECONDS))
    return int(server.server_port)


def _plain(start_response: "StartResponse", status: str, body: str = "") -> Iterable[bytes]:
    start_response(status, [("Content-Type", "text/plain")])
    return [f"{body or status[4:].lower()}\n".encode()]


def _thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="management", daemon=True).start()
