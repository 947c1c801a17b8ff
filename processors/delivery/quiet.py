"""Keeps everything but codes out of NiFi's log: NiFi copies a Python process's output into it word by word."""

import errno
import logging
import os
import re
import sys
import threading
import traceback
import warnings
from pathlib import Path

from processors.delivery.errors import WorkerFailedError

_TALKATIVE = ("pydicom", "pynetdicom", "PIL", "asyncio", "concurrent.futures")


def silence() -> None:
    """Stop libraries from logging and warning; their messages quote values of the data set. Cheap to repeat."""
    warnings.showwarning = _ignore
    if not _done.is_set():
        for name in _TALKATIVE:
            logger = logging.getLogger(name)
            logger.disabled, logger.propagate = True, False
            logger.addHandler(logging.NullHandler())
        sys.unraisablehook = _ignore
        threading.excepthook = _ignore
        _done.set()


_done = threading.Event()


def _ignore(*_args: object, **_kwargs: object) -> None:
    pass


def code_of(error: BaseException) -> str:
    """A code for an error: the system's name of it, else its class name in kebab case; messages may hold values."""
    if isinstance(error, OSError) and (error.errno or 0) in errno.errorcode:
        return errno.errorcode[error.errno or 0].lower()
    if isinstance(error, WorkerFailedError) and error.args:
        return f"worker-{error.args[0]}"
    name = type(error).__name__.removesuffix("Error") or "error"
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def confide(log: Path, error: BaseException) -> None:
    """Write an error with its traceback into the trusted zone's log (0600); never raises."""
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write("".join(traceback.format_exception(error)))
    except OSError:
        pass
