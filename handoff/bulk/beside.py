"""The process of large bodies beside the service: started with it, started again when it dies, ended with it."""

import os
import socket
import subprocess
import sys
import threading

import structlog

log = structlog.get_logger("handoff.serve")
_PAUSE_SECONDS = 1.0
_END_SECONDS = 5.0
_ENVIRONMENT = ("GLIBC_", "LANG", "LC_", "LD_", "MALLOC_", "OPENSSL_", "PATH", "PYTHON")
"""How names begin that say where and how Python runs; no secret of the service is among them."""


class NobodyReadsError(Exception):
    """The process is not there just now; nothing of the body was read."""


class BulkBeside(threading.Thread):
    """Keeps the process running. A socket of ours alone is its standard input, and ends it even when we are killed."""

    def __init__(self) -> None:
        super().__init__(name="bulk-beside", daemon=True)
        self._stopping = threading.Event()
        self._starting = threading.Lock()
        self._giving = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    @property
    def there(self) -> bool:
        """Whether bodies can be given to it; it may die at any moment all the same."""
        return self._control is not None

    @property
    def pid(self) -> int | None:
        """The process that was started last."""
        return None if self._child is None else self._child.pid

    def run(self) -> None:
        """Start it, wait for it, start it again."""
        while not self._stopping.is_set():
            try:
                child = self._start()
            except OSError as error:
                log.warning("bulk-not-started", cause=type(error).__name__)
            else:
                code = child.wait() if child is not None else 0
                self._let_go()
                if not self._stopping.is_set():
                    log.warning("bulk-ended", code=code)
            self._stopping.wait(_PAUSE_SECONDS)

    def stop(self) -> None:
        """End it; what it reads is given up."""
        with self._starting:
            self._stopping.set()
            child = self._child
        self._let_go()
        if child is None:
            return
        try:
            child.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def give(self, *descriptors: int) -> None:
        """Give it a body: the sender's socket, the file, and the socket of the errand. They stay open here.

        Raises:
            NobodyReadsError: it is not there.
        """
        with self._giving:
            if self._control is None:
                raise NobodyReadsError
            try:
                socket.send_fds(self._control, [b"b"], descriptors)
            except OSError as error:
                raise NobodyReadsError from error

    def _start(self) -> subprocess.Popen[bytes] | None:
        with self._starting:
            if self._stopping.is_set():
                return None
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            command = [sys.executable, "-m", "handoff.bulk.process"]
            try:
                # Its own session: a Ctrl-C on the terminal reaches the service, which then ends it in order.
                self._child = subprocess.Popen(
                    command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    env=_environment(),
                    start_new_session=True,
                )
            except OSError:
                ours.close()
                raise
            finally:
                theirs.close()
            self._control = ours
            return self._child

    def _let_go(self) -> None:
        with self._giving:
            control, self._control = self._control, None
        if control is not None:
            control.close()


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(_ENVIRONMENT)}
