"""What the receiver says on stderr: one JSON object a line, ids and codes and counts, no value of a data set."""

import contextlib
import json
import sys
import threading
import time
from collections.abc import Callable
from typing import TextIO

Fact = str | int | float | None | dict[str, int]


class EventLog:
    """Writes events, one line each, from any thread."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.time) -> None:
        self._stream = stream or sys.stderr
        self._clock = clock
        self._lock = threading.Lock()

    def write(self, event: str, **facts: Fact) -> None:
        """Write one event; `facts` must not hold PHI. Where no line can be written, it is lost, and nothing else."""
        line = json.dumps({"at": round(self._clock(), 3), "event": event, **facts})
        with self._lock, contextlib.suppress(OSError):  # a log on a full disk must not end an association
            self._stream.write(line + "\n")
            self._stream.flush()

    def fault(self, event: str, error: BaseException) -> None:
        """Write where an unforeseen error happened and its type, without its text, which may quote values."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno}" if trace else None
        self.write(event, error=type(error).__name__, place=place)
