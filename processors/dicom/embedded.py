"""A receiver as the child of another process, for ListenDICOM: it ends when its parent does, whatever ends that.

Started as `python -m processors.dicom.embedded FD`. Standard input is a pipe: its first line says what to receive, as
JSON, and its end says that the parent is done or gone. Events go to the descriptor FD, one JSON object a line.
Standard output and error are the trusted zone's log, as libraries may say there what they like.

PR_SET_PDEATHSIG would not do in NiFi, where it fires when the *thread* ends that started us.
"""

import importlib.util
import os
import select
import signal
import sys
import threading
import types
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from processors.dicom.event_log import EventLog

NOT_STARTED = 3
"""Exit code when the receiver could not start; the event `cannot-start` says why."""


class Receiving(BaseModel):
    """What to receive, and how; everything else is in the trusted home's sluice.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    home: Path
    """The trusted home."""
    host: str = "0.0.0.0"  # noqa: S104 - modalities come from outside
    port: int | None = Field(None, ge=0, le=65535)
    tls_port: int | None = Field(None, ge=0, le=65535)
    ae_title: str = "SLUICE"
    peers: Path | None = None
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_authority: Path | None = None


def main() -> None:
    """Receive until the parent closes the pipe, or SIGTERM."""
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    _count_nothing_without_prometheus()
    from processors.dicom.event_log import EventLog
    from processors.errors import ProcessorsError

    log = EventLog(os.fdopen(int(sys.argv[1]), "w"))
    threading.excepthook = lambda fault: log.fault("thread-fault", fault.exc_value or SystemExit())
    code = 0
    try:
        receive(Receiving.model_validate_json(_first_line()), log, told)
    except ProcessorsError as error:  # about the site's own files, ports and processes
        log.write("cannot-start", error=type(error).__name__, sentence=str(error), remedy=error.remedy)
        code = NOT_STARTED
    except Exception as error:  # noqa: BLE001 - the outermost loop of this process
        log.fault("cannot-start", error)
        code = NOT_STARTED
    # All is durable and closed; a thread of a library that still waits for a timer must not hold up the end.
    os._exit(code)


def receive(what: Receiving, log: "EventLog", told: int) -> None:
    """Receive until standard input ends, or a byte comes on `told`.

    Raises:
        ProcessorsError: the landing, the ledger, a port or a file cannot be used.
    """
    from processors.dicom.gate import Gate
    from processors.dicom.ports import listen_on
    from processors.dicom.receiver import ReceiverSettings, run
    from processors.dicom.resources import raise_descriptors
    from processors.dicom.tls import TLSFiles
    from processors.site import Site

    site = Site.load(what.home)
    raise_descriptors()
    tls = None
    if what.tls_certificate and what.tls_key and what.tls_authority:
        tls = TLSFiles(what.tls_certificate, what.tls_key, what.tls_authority)
    gate = Gate(what.peers, tls)
    ports = listen_on(
        "fast",
        what.host,
        port=what.port,
        tls_port=what.tls_port if tls else None,
        ae_title=what.ae_title,
        gate=gate,
        limits=site.limits,
    )
    reserve = site.limits.reserve
    settings = ReceiverSettings(
        landing=site.landing,
        ledger=site.ledger,
        reserve_bytes=site.reserve_mb << 20 if reserve is None else reserve,
        gate=gate,
        limits=site.limits,
        time_zone=site.time_zone,
    )

    def ready(host: str, port: int) -> None:
        tls_port = ports.listening.get("tls_port")
        log.write("listening", host=host, port=port, tls_port=tls_port if isinstance(tls_port, int) else None)

    run(settings, ports, log, ready, lambda: _until_told(told))


def _first_line() -> bytes:
    """Read no byte more than the line, unbuffered: the rest of the pipe is its end."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            os._exit(0)
        line += byte
    return line


def _until_told(told: int) -> None:
    waiting = select.poll()
    waiting.register(0, select.POLLIN)
    waiting.register(told, select.POLLIN)
    waiting.poll()


def _count_nothing_without_prometheus() -> None:
    """Stand in for the Prometheus client where it is not bundled, as in the NAR: nobody could ask for metrics there."""
    if importlib.util.find_spec("prometheus_client") is not None:
        return
    for name in ("prometheus_client", "prometheus_client.core", "prometheus_client.registry"):
        module = types.ModuleType(name)
        module.__getattr__ = lambda _: _Uncounted  # type: ignore[method-assign]  # PEP 562
        sys.modules[name] = module


class _Uncounted:
    """Any metric, family or registry: takes everything and keeps nothing."""

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __getattr__(self, _: str) -> "_Uncounted":
        return self

    def __call__(self, *_: object, **__: object) -> "_Uncounted":
        return self


if __name__ == "__main__":
    main()
