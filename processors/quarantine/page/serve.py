"""The port: loopback alone, so that nobody reaches it who has no account of this machine or a tunnel of one."""

import ipaddress
import socketserver
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from processors.delivery.workplace import Workplace
from processors.quarantine.errors import NotLoopbackError, PortTakenError
from processors.quarantine.page.app import App


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    timeout = 30
    """Seconds that a browser may be silent in the middle of a request."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class' name
        """Say nothing: what matters is in the audit record."""


def server(place: Workplace, host: str, port: int) -> WSGIServer:
    """A server that listens; `serve_forever` answers.

    Args:
        place: the trusted home.
        host: an address of loopback.
        port: 0 takes a free one.

    Raises:
        NotLoopbackError: others could reach it.
        PortTakenError: the port cannot be bound.
    """
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as error:
        raise NotLoopbackError from error
    if not address.is_loopback or address.version != 4:
        raise NotLoopbackError
    try:
        made = make_server(str(address), port, App(place, ()), server_class=_Server, handler_class=_Quiet)
    except OSError as error:
        raise PortTakenError(f"{address}:{port} cannot be bound: {error.strerror}.") from error
    made.set_app(App(place, {f"{address}:{made.server_port}", f"localhost:{made.server_port}"}))
    return made
