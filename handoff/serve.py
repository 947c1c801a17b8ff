"""Serve the app: bind first, say so when ready, end cleanly on SIGTERM and SIGINT."""

import contextlib
import gc
import json
import math
import signal
import socket
import ssl
from collections.abc import Generator
from types import FrameType

import uvicorn

from handoff.access.once import link_url
from handoff.app import create_app
from handoff.connections import bounded
from handoff.drain import Drain
from handoff.errors import StartError
from handoff.service import Service
from handoff.worker_beside import WorkerBeside

_GRACE_SECONDS = 10
"""After the patience for uploads: for their refusal, and for what is being kept."""
_KEEP_ALIVE_SECONDS = 75
"""Longer than a sender keeps idle connections, so that no request meets a closing one."""
_NEW_OBJECTS = 5_000
"""After so many the collector looks at the new ones; a request makes some hundred that go by themselves."""


def listen(host: str, port: int) -> socket.socket:
    """Bind before anything else is started.

    Raises:
        StartError: the address is taken or not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen()  # or a second service that starts at the same moment could bind it too
    except OSError as error:
        bound.close()
        message = f"{host}:{port} cannot be listened on ({error.strerror})."
        raise StartError(message, code="port", remedy="Choose another --port, or 0 for a free one.") from error
    return bound


def _leave_alone_what_stays() -> None:
    """Spare the collector of garbage what is there by now, and let it look less often.

    Hundreds of thousands of objects of libraries stay to the end; to look through them holds up all requests.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)


class Server(uvicorn.Server):
    """uvicorn, except that it says when it is ready and that a signal is a clean end."""

    def __init__(self, config: uvicorn.Config, ready: dict[str, object], drain: Drain) -> None:
        super().__init__(config)
        self._ready = ready
        self._drain = drain

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take no more connections; what is on its way may still arrive."""
        self._drain.begin()
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the listening line."""
        await super().startup(sockets)
        print(json.dumps(self._ready), flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stop on SIGTERM and SIGINT, and do not raise them again after the end."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(
    service: Service,
    bound: socket.socket,
    worker_target: str | None,
    *,
    end_runs: bool = False,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Serve until a signal; requests in flight get `stop_seconds` to end. The worker beside it ends with it."""
    host, port = bound.getsockname()[:2]
    scheme = "http" if tls is None else "https"
    access = service.settings.access
    config = uvicorn.Config(
        create_app(service),
        http=bounded(access),
        ws="none",
        proxy_headers=bool(access.proxies),
        forwarded_allow_ips=[str(network) for network in access.proxies],
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=math.ceil(service.drain.patience_seconds + _GRACE_SECONDS),
    )
    ready = {"event": "listening", "host": host, "port": port, "receipt_public_key": service.signer.public_key}
    ready |= {"scheme": scheme}
    service.home.note_url(scheme, host, port)
    link = service.sign_in.once.first_link()
    if link is not None:
        ready["first_link"] = link_url(service.settings.pages.url or service.home.url.read_text().strip(), link)
    service.bulk.start()
    beside = None if worker_target is None else WorkerBeside(service.settings.home, worker_target, end_runs=end_runs)
    if beside is not None:
        beside.start()
    _leave_alone_what_stays()
    try:
        Server(config, ready, service.drain).run(sockets=[bound])
    finally:
        if beside is not None:
            beside.stop()
