"""When a worker ends: at SIGTERM, SIGINT, or when the process that started it is gone."""

import signal
import sys
import threading


def stop_event(*, stdin: bool) -> threading.Event:
    """An event that is set when it is time to end; with `stdin` also at the end of standard input."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if stdin:
        threading.Thread(target=_until_closed, args=(stop,), daemon=True, name="stdin").start()
    return stop


def _until_closed(stop: threading.Event) -> None:
    while sys.stdin.buffer.read(1 << 10):
        pass
    stop.set()
