"""Ends this process with the one that started it.

NiFi's Java process may die without ending its Python processes (SIGKILL, out of memory). Such an orphan would go on
holding the announcer's lock, and the next NiFi could never announce. A pidfd says when the parent ends, at no cost;
PR_SET_PDEATHSIG would not do: it fires when the *thread* that started us ends.
"""

import os
import select
import threading

_watching = threading.Event()
_first = threading.Lock()


def end_with_parent() -> None:
    """From now on, end this process at once when its parent ends. Cheap to repeat."""
    if _watching.is_set():
        return
    with _first:
        if not _watching.is_set():
            threading.Thread(target=_watch, args=(os.getppid(),), name="parent-watch", daemon=True).start()
            _watching.set()


def _watch(parent: int) -> None:
    try:
        descriptor = os.pidfd_open(parent)
    except ProcessLookupError:
        os._exit(0)
    except OSError:
        return  # a kernel without pidfd: the lock is then freed by whoever ends the orphan
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    while not waiting.poll():
        pass
    os._exit(0)
