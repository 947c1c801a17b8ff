"""Changes faults and script of a running server: PUT /faults, PUT /script with a JSON object, on a port of its own.

PUT /land has what would be inserted later inserted now.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.kubeflow_server.argo import Argo
from tests.kubeflow_server.service import Service


class Control(ThreadingHTTPServer):
    """The control port."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], service: Service, argo: Argo) -> None:
        self.service = service
        self.argo = argo
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Control

    def do_PUT(self) -> None:
        changes: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            if self.path == "/faults":
                fates = self.server.service.fates
                fates.faults = fates.faults.changed(changes)
            elif self.path == "/land":
                self.server.service.land()
            else:
                self.server.argo.change(**changes)
        except (TypeError, ValueError) as error:
            self.send_error(400, str(error))
            return
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Nobody reads it."""
