"""`sluice receive`."""

import json
import os
import signal
import sys
import threading
from pathlib import Path

import click


def _ae_title(_context: click.Context, _option: click.Parameter, value: str) -> str:
    """An AE title as PS3.5 6.2 allows it, without outer blanks."""
    title = value.strip()
    if not 0 < len(title) <= 16 or not title.isascii() or not title.isprintable() or "\\" in title:
        raise click.BadParameter("an AE title has 1 to 16 printable ASCII characters and no backslash")
    return title


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), required=True, help="Port to listen on; 0 takes a free one.")
@click.option("--host", default="0.0.0.0", show_default=True, help="Address to listen on.")  # noqa: S104 - modalities come from outside
@click.option(
    "--ae-title",
    default="SLUICE",
    show_default=True,
    callback=_ae_title,
    help="Our AE title; any called title is accepted.",
)
@click.option("--landing", type=click.Path(path_type=Path), help="Landing folder; default: the trusted home's.")
@click.option(
    "--ledger", type=click.Path(path_type=Path), help="Ledger file; default: beside --landing, or the home's."
)
@click.option("--reserve-mb", type=click.IntRange(0), help="Free disk below which objects are refused (A700).")
@click.option(
    "--management-port",
    type=click.IntRange(0, 65535),
    help="Serve /metrics and /healthz on this port; 0 takes a free one. Without it they are not served.",
)
@click.option("--management-host", default="127.0.0.1", show_default=True, help="Address of the management port.")
@click.option(
    "--engine",
    type=click.Choice(["reference", "fast"]),
    default="reference",
    show_default=True,
    help="Who speaks DICOM: pynetdicom, or our own data path with pynetdicom's negotiation.",
)
@click.option("--idle-seconds", type=float, default=10.0, hidden=True, help="Silence that seals deliveries.")
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    default=Path(".sluice"),
    show_default=True,
    envvar="SLUICE_HOME",
    help="Whose trusted/ this is about.",
)
def receive(
    *,
    port: int,
    host: str,
    ae_title: str,
    landing: Path | None,
    ledger: Path | None,
    reserve_mb: int | None,
    engine: str,
    idle_seconds: float,
    management_port: int | None,
    management_host: str,
    home: Path,
) -> None:
    """Receive DICOM by C-STORE into a landing, until SIGTERM or Ctrl-C.

    An object is answered with Success only when it is on disk and would survive a power cut. One JSON line on stdout
    tells host and port once associations are accepted; one JSON line per association goes to stderr.
    """
    from processors.dicom.engine import Engine
    from processors.dicom.event_log import EventLog
    from processors.dicom.fast.engine import FastEngine
    from processors.dicom.management import serve_management
    from processors.dicom.metrics import ReceiverMetrics
    from processors.dicom.pynetdicom_engine import PynetdicomEngine
    from processors.dicom.receiver import ReceiverSettings, run
    from processors.site import Site

    site = Site.load(home / "trusted")
    chosen = (landing or site.landing).resolve()
    listening: dict[str, object] = {"event": "listening"}

    def manage(metrics: ReceiverMetrics) -> None:
        if management_port is not None:
            listening["management_port"] = serve_management(management_host, management_port, metrics.registry)

    settings = ReceiverSettings(
        landing=chosen,
        ledger=ledger or (chosen.parent / "ledger.db" if landing else site.ledger),
        reserve_bytes=(site.reserve_mb if reserve_mb is None else reserve_mb) << 20,
        idle_seconds=idle_seconds,
        manage=manage,
    )
    speaks: Engine = FastEngine(host, port) if engine == "fast" else PynetdicomEngine(host, port, ae_title)
    log = EventLog(sys.stderr)
    threading.excepthook = lambda fault: log.fault("thread-fault", fault.exc_value or SystemExit())
    # The kernel may give the signal to any thread; only a wake-up descriptor then wakes the main thread for certain.
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    run(
        settings,
        speaks,
        log,
        lambda bound_host, bound_port: click.echo(
            json.dumps(listening | {"host": bound_host, "port": bound_port, "ae_title": ae_title})
        ),
        lambda: os.read(told, 1),
    )
    # Everything is durable and closed. pynetdicom's thread of a connection that never asked for an association would
    # hold up an ordinary exit until its timer runs out.
    sys.stdout.flush()
    os._exit(0)
