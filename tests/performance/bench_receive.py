"""How fast objects are received, durably, beside others: `make bench-receive`.

Each round starts every receiver anew in an empty folder, in an order that rotates, and sends the same objects by the
same light sender. A ratio is the median of the ratios within each round. Orthanc and storescp run with TCP_NODELAY=1;
Orthanc syncs its files by default, storescp does not; with `--bit-preserving` it does not even look into them, which is
a peer of its own. Loopback, and the sender shares the cores: read ratios. Where many files were removed a moment ago
(another run, tests) an ext4 without a journal is several times slower for some minutes: wait (`receivers.started`).

Probes follow: idle associations, a crowd, half an object, a PDU length that lies (`receive_probes`), of ours alone.

Ends in one line per figure: `name value unit ratio-to-peer`; the peer is Orthanc unless the name says another.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.builders import write_ct_series
from tests.performance.light_sender import Timing, ct_object, send
from tests.performance.receive_probes import probe
from tests.performance.receivers import RECEIVERS, Running, cleared, started
from tests.performance.sending import processes
from tests.receiver_process import peer

_SETTLE_SECONDS = 0.5
_OURS = {"fast", "reference"}
"""What the probes are for: their bounds are no ratios."""
_LARGE_ROWS = 8866
"""A square of so many 16-bit pixels has 157 MB."""


@dataclass(frozen=True)
class Work:
    """What is sent in one measurement."""

    name: str
    associations: int
    objects: int
    """By each association, or with `each` as many associations."""
    rows: int = 512
    each: bool = False


@dataclass(frozen=True)
class Figures:
    """What one receiver made of it."""

    per_second: float
    cpu_ms_per_mb: float
    growth_mb: float
    """To the peak of its process; storescp works in others."""
    slowest_ms: float


def main() -> int:
    """Run the benchmark."""
    options = _options()
    with cleared(options.folder):
        lines = _measured_all(options)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print("\n".join(lines))
    return 0


def _measured_all(options: argparse.Namespace) -> list[str]:
    count = options.objects
    works = [
        *(Work(f"ct-{n}", n, count // n) for n in (1, 2, 4, 8)),
        Work("large", 1, 2, rows=_LARGE_ROWS),
        Work("large-4", 4, 1, rows=_LARGE_ROWS),
        *(Work(f"association-{n}", n, count // n, rows=32, each=True) for n in (1, 4)),
    ]
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {options.rounds} rounds", flush=True)
    lines: list[str] = []
    with processes(8) as pool:
        list(pool.map(time.sleep, [0.1] * 16))  # all of them are there
        for work in works:
            if options.only in work.name:
                lines += _compared(work, options, lambda running, work=work: _measured(pool, running, work))
    if options.only in "nagle":
        lines += _compared(Work("nagle", 1, 50), options, lambda running: _by_dcmsend(running, options.folder))
    if options.only in "probes":
        lines += _probed(options)
    return lines


def _compared(work: Work, options: argparse.Namespace, measure: Callable[[Running], Figures]) -> list[str]:
    found: dict[str, list[Figures]] = defaultdict(list)
    names = [name for name in RECEIVERS if name in options.receivers]
    for round_ in range(options.rounds):
        for name in names[round_ % len(names) :] + names[: round_ % len(names)]:
            with started(name, options.folder) as running:
                found[name].append(measure(running))
            one = found[name][-1]
            print(
                f"{work.name} {name}: {one.per_second:.1f}/s, {one.cpu_ms_per_mb:.2f} ms CPU/MB,"
                f" +{one.growth_mb:.1f} MB, slowest {one.slowest_ms:.1f} ms",
                flush=True,
            )
    return _lines(work.name, found)


def _probed(options: argparse.Namespace) -> list[str]:
    lines = []
    for name in _OURS & set(options.receivers):
        with started(name, options.folder) as running:
            found = probe(running, options.folder)
        lines += [f"receive-{what}-{name} {value:.2f} {unit} -" for what, (value, unit) in found.items()]
    return lines


def _lines(work: str, found: dict[str, list[Figures]]) -> list[str]:
    def median(name: str, figure: str) -> float:
        return statistics.median(getattr(one, figure) for one in found[name])

    def ratio(name: str, figure: str, anchor: str = "orthanc") -> str:
        pairs = zip(found[name], found[anchor], strict=True) if anchor in found else ()
        ratios = [getattr(one, figure) / against for one, other in pairs if (against := getattr(other, figure)) > 0]
        return f"{statistics.median(ratios):.2f}" if ratios else "-"

    lines = []
    for name in list(found):
        for figure, unit in (("per_second", "objects/s"), ("cpu_ms_per_mb", "ms/MB"), ("growth_mb", "MB")):
            what = f"receive-{work}-{name}-{figure.replace('_', '-')}"
            lines.append(f"{what} {median(name, figure):.2f} {unit} {ratio(name, figure)}")
        lines.append(f"receive-{work}-{name}-slowest {median(name, 'slowest_ms'):.1f} ms -")
    for peer_name in found if "fast" in found else ():
        if peer_name.startswith("storescp"):
            value, to_peer = median("fast", "per_second"), ratio("fast", "per_second", peer_name)
            lines.append(f"receive-{work}-fast-to-{peer_name} {value:.2f} objects/s {to_peer}")
    return lines


def _measured(pool: ProcessPoolExecutor, running: Running, work: Work) -> Figures:
    content = ct_object(work.rows)
    _warm(pool, running, content if work.rows <= 512 else ct_object(512))
    running.forget_peak()
    cpu, resident = running.cpu_seconds(), running.resident_mb()
    start_at = time.monotonic() + _SETTLE_SECONDS + work.associations * work.objects * len(content) / 2e9
    futures = [
        pool.submit(
            send,
            running.port,
            running.called,
            content,
            range(number * work.objects + 1000, (number + 1) * work.objects + 1000),
            start_at,
            each=work.each,
        )
        for number in range(work.associations)
    ]
    timings = [future.result() for future in futures]
    seconds = max(one.ended for one in timings) - min(one.began for one in timings)
    count = work.associations * work.objects
    return Figures(
        per_second=count / seconds,
        cpu_ms_per_mb=1000 * (running.cpu_seconds() - cpu) / (count * len(content) / 1e6),
        growth_mb=running.peak_mb() - resident,
        slowest_ms=1000 * _high(timings),
    )


def _warm(pool: ProcessPoolExecutor, running: Running, content: bytes) -> None:
    """What a receiver loads for its first objects is not measured."""
    pool.submit(send, running.port, running.called, content, range(1, 6), 0.0, each=False).result()


def _high(timings: list[Timing]) -> float:
    """The 99th percentile of all round trips."""
    trips = sorted(trip for one in timings for trip in one.trips)
    return trips[min(len(trips) - 1, len(trips) * 99 // 100)]


def _by_dcmsend(running: Running, folder: Path) -> Figures:
    """By a sender with Nagle's algorithm on, as Debian ships it; its start is part of the time."""
    source = folder / "nagle-series"
    if not source.exists():
        write_ct_series(source, slices=50)
    files = sorted(source.iterdir())
    environment = {name: value for name, value in os.environ.items() if name != "TCP_NODELAY"}
    running.forget_peak()
    cpu, resident, began = running.cpu_seconds(), running.resident_mb(), time.monotonic()
    command = [peer("dcmsend"), "-aec", running.called, "127.0.0.1", str(running.port), *map(str, files)]
    subprocess.run(command, check=True, capture_output=True, env=environment)
    seconds = time.monotonic() - began
    size = sum(file.stat().st_size for file in files) / 1e6
    return Figures(
        per_second=len(files) / seconds,
        cpu_ms_per_mb=1000 * (running.cpu_seconds() - cpu) / size,
        growth_mb=running.peak_mb() - resident,
        slowest_ms=1000 * seconds / len(files),
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--folder", type=Path, default=Path("build/bench-receive"), help="Where all of them write.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--objects", type=int, default=200, help="0.5 MB objects of one measurement.")
    parser.add_argument("--only", default="", help="Measure what has this in its name.")
    parser.add_argument("--receivers", nargs="+", default=list(RECEIVERS), choices=list(RECEIVERS))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
