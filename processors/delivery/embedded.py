"""The receiver that ListenDICOM starts: a child process that is started again when it dies, and ends with NiFi.

Its events go to NiFi's log; they hold ids, codes and counts, AE titles and addresses, nothing of a patient. What else
it prints goes to the trusted zone's log, like the workers' output.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final, Protocol

from processors.delivery.workers import environment
from processors.dicom.embedded import Receiving

MODULE: Final = "processors.dicom.embedded"
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 60.0
HEALTHY_SECONDS: Final = 60.0
"""A receiver that listened for so long begins again with the first pause."""
CLOSE_SECONDS: Final = 30.0
"""For it to end, beyond what objects on their way are given (`stop_grace`): what they are aborted with and what the
ledger gets. One that takes longer is killed, and loses nothing of what it acknowledged."""
_LOUD: Final = frozenset(
    {"trouble", "refused", "cannot-start", "thread-fault", "ledger-fault", "ledger-retry", "ledger-broken"}
)


class Log(Protocol):
    """The part of a processor's logger that is used here."""

    def info(self, message: str, /) -> object:
        """A line in NiFi's log."""

    def warn(self, message: str, /) -> object:
        """The same, and a bulletin."""

    def error(self, message: str, /) -> object:
        """The same, and a bulletin."""


class EmbeddedReceiver:
    """One receiver of one trusted home, kept alive by a thread of this process."""

    def __init__(
        self,
        what: Receiving,
        stderr: Path,
        log: Log,
        *,
        pause: float = FIRST_PAUSE_SECONDS,
        module: str = MODULE,
        stop_grace: float = 0.0,
    ) -> None:
        """Start it; failures are logged and tried again, they are not raised.

        Args:
            what: What it receives.
            stderr: Where its output other than events goes.
            log: Where its events go.
            pause: Seconds before the first restart; each later pause is twice as long, up to a minute.
            module: What is run; tests run something else.
            stop_grace: Seconds that it gives objects on their way when it is to end.
        """
        self.what = what
        self._stderr, self._log, self._pause, self._module = stderr, log, pause, module
        self._stop_seconds = stop_grace + CLOSE_SECONDS
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._supervise, name="receiver-watch", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """Of the child that runs now."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def stop(self) -> None:
        """End the receiver: it seals what is open first. One that does not end in time is killed; recovery seals."""
        with self._lock:
            self._stopping.set()
            child = self._child
            if child is not None and child.stdin is not None:
                with contextlib.suppress(OSError):
                    child.stdin.close()
        if child is not None:
            try:
                child.wait(self._stop_seconds)
            except subprocess.TimeoutExpired:
                child.kill()
        self._thread.join(CLOSE_SECONDS)

    def _supervise(self) -> None:
        pause = self._pause
        while not self._stopping.is_set():
            began = time.monotonic()
            code = self._run_once()
            if self._stopping.is_set():
                return
            if time.monotonic() - began >= HEALTHY_SECONDS:
                pause = self._pause
            _say(self._log.error, f"The receiver ended ({_in_words(code)}) and is started again in {pause:.0f} s.")
            self._stopping.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    def _run_once(self) -> int | None:
        """One life of a child; returns its exit code, None if there was no starting it."""
        try:
            events = self._start()
        except OSError as error:
            _say(self._log.error, f"The receiver cannot be started: {error.strerror}.")
            return None
        if events is None:
            return None
        with events:
            for line in events:
                self._tell(line)
        assert self._child is not None
        code = self._child.wait()
        if self._child.stdin is not None:
            with contextlib.suppress(OSError):
                self._child.stdin.close()
        return code

    def _start(self) -> IO[str] | None:
        self._stderr.parent.mkdir(parents=True, exist_ok=True)
        read, write = os.pipe()
        output = os.open(self._stderr, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with self._lock:
                if self._stopping.is_set():
                    os.close(read)
                    return None
                self._child = subprocess.Popen(
                    [sys.executable, *(["-S"] if sys.flags.no_site else []), "-P", "-m", self._module, str(write)],
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=output,
                    pass_fds=(write,),
                    env=environment(),
                )
                assert self._child.stdin is not None
                with contextlib.suppress(BrokenPipeError):  # it ended at once; its exit code says so
                    self._child.stdin.write(self.what.model_dump_json().encode() + b"\n")
                    self._child.stdin.flush()
        except OSError:
            os.close(read)
            raise
        finally:
            os.close(write)
            os.close(output)
        return os.fdopen(read, encoding="utf-8", errors="replace")

    def _tell(self, line: str) -> None:
        try:
            event = str(json.loads(line).get("event"))
        except (ValueError, AttributeError):
            return
        _say(self._log.warn if event in _LOUD else self._log.info, f"receiver: {line.strip()}")


def _say(say: Callable[[str], object], line: str) -> None:
    """NiFi's logger is a call into Java, which may be ending; the pipe must be read on, and the child started again."""
    with contextlib.suppress(Exception):
        say(line)


def _in_words(code: int | None) -> str:
    if code is None:
        return "it was not started"
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
