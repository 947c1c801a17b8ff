"""`sluice receive`."""

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from processors.home_option import home_option

if TYPE_CHECKING:
    from processors.dicom.tls import TLSFiles
    from processors.limits import ReceiverLimits
    from processors.site import Site


def _ae_title(_context: click.Context, _option: click.Parameter, value: str) -> str:
    """An AE title as PS3.5 6.2 allows it, without outer blanks."""
    title = value.strip()
    if not 0 < len(title) <= 16 or not title.isascii() or not title.isprintable() or "\\" in title:
        raise click.BadParameter("an AE title has 1 to 16 printable ASCII characters and no backslash")
    return title


_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one.")
@click.option("--host", default="0.0.0.0", show_default=True, help="Address to listen on.")  # noqa: S104 - modalities come from outside
@click.option(
    "--ae-title",
    default="SLUICE",
    show_default=True,
    callback=_ae_title,
    help="Our AE title; any called title is accepted, unless the peers file says which.",
)
@click.option("--peers", type=_FILE, help="Who may send, and what (YAML); without it everyone may send everything.")
@click.option("--tls-port", type=click.IntRange(0, 65535), help="Port with mutual TLS, beside --port or alone.")
@click.option("--http-port", type=click.IntRange(0, 65535), help="Port for uploads by HTTP: STOW-RS, single files.")
@click.option("--https-port", type=click.IntRange(0, 65535), help="The same with mutual TLS.")
@click.option("--tls-certificate", type=_FILE, help="Our certificate, with its chain (PEM).")
@click.option("--tls-key", type=_FILE, help="Its private key (PEM, no password).")
@click.option("--tls-authority", type=_FILE, help="Authorities whose clients we believe (PEM).")
@click.option("--landing", type=click.Path(path_type=Path), help="Landing folder; default: the trusted home's.")
@click.option(
    "--ledger", type=click.Path(path_type=Path), help="Ledger file; default: beside --landing, or the home's."
)
@click.option("--reserve-mb", type=click.IntRange(0), help="Free disk below which objects are refused (A700).")
@click.option(
    "--management-port",
    type=click.IntRange(0, 65535),
    help="Serve /metrics, /healthz and /readyz on this port; 0 takes a free one. Without it they are not served.",
)
@click.option("--management-host", default="127.0.0.1", show_default=True, help="Address of the management port.")
@click.option(
    "--engine",
    type=click.Choice(["reference", "fast"]),
    default="fast",
    show_default=True,
    help="Who speaks DICOM: pynetdicom, or our own data path with pynetdicom's negotiation.",
)
@click.option(
    "--limit",
    "given_limits",
    multiple=True,
    metavar="NAME=VALUE",
    help="A limit, such as `silence=30 min` or `backlog_bytes=500 GB`; --show-limits names all. May be given again.",
)
@click.option("--show-limits", is_flag=True, help="Print every limit with its value and meaning, and end.")
@click.option("--idle-seconds", type=float, default=10.0, hidden=True, help="Silence that seals deliveries.")
@home_option
def receive(
    *,
    port: int | None,
    host: str,
    ae_title: str,
    peers: Path | None,
    tls_port: int | None,
    http_port: int | None,
    https_port: int | None,
    tls_certificate: Path | None,
    tls_key: Path | None,
    tls_authority: Path | None,
    landing: Path | None,
    ledger: Path | None,
    reserve_mb: int | None,
    engine: str,
    idle_seconds: float,
    given_limits: tuple[str, ...],
    show_limits: bool,
    management_port: int | None,
    management_host: str,
    home: Path,
) -> None:
    """Receive DICOM by C-STORE, and by HTTP where asked for, into a landing, until SIGTERM or Ctrl-C.

    An object is answered with Success only when it is on disk and would survive a power cut. One JSON line on stdout
    tells host and port once associations are accepted; one JSON line per association goes to stderr.
    """
    from processors.dicom.event_log import EventLog
    from processors.dicom.gate import Gate
    from processors.dicom.management import serve_management
    from processors.dicom.metrics import ReceiverMetrics
    from processors.dicom.ports import listen_on
    from processors.dicom.receiver import ReceiverSettings, run
    from processors.dicom.resources import SELECTABLE, raise_descriptors
    from processors.dicom.upload.ports import WithUploads
    from processors.site import Site

    site = Site.load(home / "trusted")
    limits = _limits(given_limits, site.limits)
    if show_limits:
        for name, value, what in limits.rows():
            click.echo(f"{name:<20} {value:<10} {what}")
        return
    if port is None and tls_port is None:
        raise click.UsageError("give --port, --tls-port, or both")
    if engine == "fast":
        raise_descriptors()
    gate = Gate(peers, _tls_files(tls_port, https_port, tls_certificate, tls_key, tls_authority))
    dicom = listen_on(engine, host, port=port, tls_port=tls_port, ae_title=ae_title, gate=gate, limits=limits)
    ports = WithUploads(
        dicom, host, http_port=http_port, https_port=https_port, ae_title=ae_title, gate=gate, limits=limits
    )
    chosen = (landing or site.landing).resolve()
    listening: dict[str, object] = {"event": "listening"}

    def manage(metrics: ReceiverMetrics) -> None:
        ports.count_by(metrics.upload_answered)
        if management_port is not None:
            listening["management_port"] = serve_management(
                management_host, management_port, metrics.registry, metrics.strains
            )

    settings = ReceiverSettings(
        landing=chosen,
        ledger=ledger or (chosen.parent / "ledger.db" if landing else site.ledger),
        reserve_bytes=_reserve(reserve_mb, limits, site),
        idle_seconds=idle_seconds,
        manage=manage,
        gate=gate,
        limits=limits,
        most_descriptors=None if engine == "fast" else SELECTABLE,
        time_zone=site.time_zone,
    )
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
        ports,
        log,
        lambda bound_host, bound_port: click.echo(
            json.dumps(listening | ports.listening | {"host": bound_host, "port": bound_port, "ae_title": ae_title})
        ),
        lambda: os.read(told, 1),
    )
    # Everything is durable and closed. pynetdicom's thread of a connection that never asked for an association would
    # hold up an ordinary exit until its timer runs out.
    sys.stdout.flush()
    os._exit(0)


def _tls_files(
    tls_port: int | None, https_port: int | None, certificate: Path | None, key: Path | None, authority: Path | None
) -> "TLSFiles | None":
    """The files of TLS; a usage error if some of them are given and others are not."""
    from processors.dicom.tls import TLSFiles

    has_port = tls_port is not None or https_port is not None
    if not has_port and certificate is None and key is None and authority is None:
        return None
    if not has_port or certificate is None or key is None or authority is None:
        raise click.UsageError(
            "--tls-port needs --tls-certificate, --tls-key and --tls-authority, as --https-port does; they need a port"
        )
    return TLSFiles(certificate, key, authority)


def _limits(given: tuple[str, ...], of_site: "ReceiverLimits") -> "ReceiverLimits":
    """The site's limits with those of the command line on top; a usage error if one of these is none."""
    from processors.limits import ReceiverLimits

    try:
        return ReceiverLimits.of(given, of_site)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--limit") from error


def _reserve(given_mb: int | None, limits: "ReceiverLimits", site: "Site") -> int:
    """Bytes of disk that stay free: of the option, else the limit, else the site's older setting."""
    if given_mb is not None:
        return given_mb << 20
    return site.reserve_mb << 20 if limits.reserve is None else limits.reserve
