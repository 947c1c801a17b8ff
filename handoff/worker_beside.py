"""The default worker: a child of the service, started again when it dies, ended by the end of its standard input."""

import subprocess
import sys
import threading
from pathlib import Path

import structlog

log = structlog.get_logger("handoff.serve")
_PAUSE_SECONDS = 1.0
_END_SECONDS = 10.0


class WorkerBeside(threading.Thread):
    """Keeps one worker process running. The pipe ends it even when the service is killed."""

    def __init__(self, home: Path, target: str, *, end_runs: bool) -> None:
        super().__init__(name="worker-beside", daemon=True)
        self._command = [sys.executable, "-m", "handoff.commands", "worker", "--target", target]
        self._command += ["--home", str(home), "--until-stdin-closes"]
        self._command += ["--end-runs"] if end_runs else []
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._starting = threading.Lock()

    def run(self) -> None:
        """Start it, wait for it, start it again."""
        while (child := self._start()) is not None:
            code = child.wait()
            if self._stopping.is_set():
                return
            log.warning("worker-ended", code=code)
            self._stopping.wait(_PAUSE_SECONDS)

    def stop(self) -> None:
        """End the worker; its runs go on and are found again, unless they are to end with it."""
        with self._starting:
            self._stopping.set()
            child = self._child
        if child is None or child.stdin is None:
            return
        child.stdin.close()
        try:
            child.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _start(self) -> subprocess.Popen[bytes] | None:
        with self._starting:
            if self._stopping.is_set():
                return None
            # Its own session: a Ctrl-C on the terminal reaches the service, which then ends the worker in order.
            self._child = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
            )
            return self._child
