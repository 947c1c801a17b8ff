"""Changes faults and script of a running server: PUT /faults, PUT /script with a JSON object, on a port of its own."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.kubeflow_server.argo import Argo
from tests.kubeflow_server.faults import Fates


class Control(ThreadingHTTPServer):
    """The control port."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], fates: Fates, argo: Argo) -> None:
        self.fates = fates
        self.argo = argo
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Control

    def do_PUT(self) -> None:
        changes: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            if self.path == "/faults":
                self.server.fates.faults = self.server.fates.faults.changed(changes)
            else:
                self.server.argo.change(**changes)
        except (TypeError, ValueError) as error:
            self.send_error(400, str(error))
            return
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Nobody reads it."""
