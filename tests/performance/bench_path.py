"""How many sealed CT slices a second go through a real NiFi to signed receipts: `make bench-path`.

Slices of 0.5 MB lie sealed in the landing before NiFi starts. The clock runs from the first announcement to the last
receipt, with the handoff in the same two cores. Ends in one line per figure: `name value unit ratio-to-peer`; no
peer runs beside it yet, so the ratio is a dash.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from nifi import nar
from nifi.distribution import launch
from nifi.releases.deploy import deploy
from processors.deid.keys import KeyFile
from processors.ledger.schema import connect_readonly
from tests.performance.cpu_time import by_part
from tests.performance.sealed_slices import seal

SLICES: Final = 20_480
SPARE_BYTES: Final = 4 << 30
"""For NiFi, and for packages that are on their way."""
RULES: Final = "version: 1\nrules:\n  - {name: all, ship: [{project: bench}]}\n"
SITE: Final = "retention: {packages: until-confirmed}\n"

HOPS: Final = (
    ("announce", "announced", "seen"),
    ("route", "seen", "routed"),
    ("wait-for-worker", "routed", "treating"),
    ("treat", "treating", "packaged"),
    ("fetch-put-confirm", "packaged", "confirmed"),
)


def main() -> int:
    """Run the benchmark."""
    options = _options()
    _use_two_cores()
    options.folder.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="bench-path-", dir=options.folder)).resolve()
    try:
        return _run(home, _what_fits(options.slices, options.rows, home), options.rows)
    finally:
        launch.stop(home)
        if not options.keep:
            shutil.rmtree(home, ignore_errors=True)


def _run(home: Path, slices: int, rows: int) -> int:
    trusted = _trusted_home(home)
    for sealed in seal(trusted, slices, rows):
        print(f"\rsealed {sealed} of {slices} slices", end="", flush=True)
    os.sync()
    print(flush=True)
    built = nar.build(report=_said())
    with _handoff(home) as listening:
        running = launch.start(home, report=_said())
        parameters = {
            "trusted.home": str(trusted),
            "handoff.url": f"http://{listening['host']}:{listening['port']}",
            "handoff.token": (home / "research" / "token").read_text().strip(),
            "receipt.public.key": listening["receipt_public_key"],
        }
        deploy(running.url, parameters, built, start_flows=False, report=_said())
        before = by_part(running.pid, listening["pid"])
        deploy(running.url, parameters, built)
        seconds = _watch(trusted, slices)
        after = by_part(running.pid, listening["pid"])
    return _report(trusted, slices, seconds, {part: after[part] - before.get(part, 0.0) for part in after})


def _watch(trusted: Path, slices: int) -> float:
    """Print progress until every slice is confirmed; seconds from the first announcement to the last receipt."""
    with closing(connect_readonly(trusted / "ledger.db")) as ledger:
        quiet_since, last = time.monotonic(), -1
        while True:
            confirmed, end = ledger.execute(
                "SELECT coalesce(sum(passed), 0), max(terminal_at) FROM shipments WHERE state = 'confirmed'"
            ).fetchone()
            begin = ledger.execute("SELECT min(at) FROM events WHERE event = 'announced'").fetchone()[0]
            if confirmed != last:
                quiet_since, last = time.monotonic(), confirmed
                since = (end or time.time()) - (begin or time.time())
                rate = f", {confirmed / since:.0f} a second" if since and confirmed else ""
                print(f"confirmed {confirmed} of {slices} slices{rate}", flush=True)
            if confirmed >= slices:
                return float(end - begin)
            if time.monotonic() - quiet_since > 180:
                sys.exit(f"Nothing was confirmed for 180 s; look into {trusted.parent}.")
            time.sleep(1)


def _report(trusted: Path, slices: int, seconds: float, cpu: dict[str, float]) -> int:
    rate = slices / seconds
    with closing(connect_readonly(trusted / "ledger.db")) as ledger:
        confirmed = ledger.execute("SELECT sum(passed) FROM shipments WHERE state = 'confirmed'").fetchone()[0]
        hops = _hops(ledger)
    print(f"\n{slices} slices in {seconds:.1f} s; {confirmed} confirmed by signed receipts")
    print("mean seconds of a delivery of 512 in each hop, and CPU milliseconds of a slice in each part:")
    for name, mean in hops.items():
        print(f"path-hop-{name} {mean:.3f} s -")
    for name, spent in sorted(cpu.items()):
        print(f"path-cpu-{name} {1000 * spent / slices:.2f} ms/slice -")
    print(f"path-slices {slices} slices -")
    print(f"path-slices-per-second {rate:.1f} slices/s -")
    return 0 if confirmed == slices else 1


def _hops(ledger: Any) -> dict[str, float]:
    """Mean seconds between two events of a delivery, or of its one shipment."""
    means = {}
    for name, first, second in HOPS:
        row = ledger.execute(
            """
            WITH moments AS (
                SELECT coalesce(s.delivery_id, e.subject) AS delivery, e.event, min(e.at) AS at
                FROM events e LEFT JOIN shipments s ON s.id = e.subject GROUP BY 1, 2)
            SELECT avg(later.at - earlier.at) FROM moments earlier JOIN moments later USING (delivery)
            JOIN deliveries d ON d.id = delivery WHERE earlier.event = ? AND later.event = ?
            """,
            (first, second),
        ).fetchone()
        means[name] = float(row[0] or 0.0)
    return means


def _trusted_home(home: Path) -> Path:
    trusted = home / "trusted"
    KeyFile.create(trusted / "keys" / "site.key")
    (trusted / "rules.yaml").write_text(RULES)
    (trusted / "sluice.yaml").write_text(SITE)
    return trusted


@contextmanager
def _handoff(home: Path) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "sluice", "handoff", "serve", "--home", str(home), "--port", "0", "--no-worker"]
    with (home / "handoff.log").open("w") as log:
        service = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert service.stdout is not None
        yield {**json.loads(service.stdout.readline()), "pid": service.pid}
    finally:
        service.terminate()
        service.wait(30)


def _said() -> Callable[[str], None]:
    """Prints a step once, however often its seconds are counted."""
    last = [""]

    def report(text: str) -> None:
        step = text.split(" (", maxsplit=1)[0]
        if step != last[0]:
            print(step, flush=True)
        last[0] = step

    return report


def _what_fits(wanted: int, rows: int, home: Path) -> int:
    """A slice lies on the disk twice, in the landing and in the handoff's store."""
    free = max(shutil.disk_usage(home).free - SPARE_BYTES, 0)
    fits = free // (2 * (2 * rows * rows + 4096)) // 512 * 512
    if fits < wanted:
        print(f"{wanted} slices do not fit on this disk; taking {fits}.")
    return int(min(wanted, fits)) or sys.exit("There is no room for a single delivery.")


def _use_two_cores() -> None:
    cores = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, cores)
    print(f"on cores {cores}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=SLICES, help="slices of 0.5 MB")
    parser.add_argument("--rows", type=int, default=512, help="rows and columns of a slice; 512 make 0.5 MB")
    parser.add_argument("--folder", type=Path, default=Path("build"), help="a folder on a local disk, 40 GB free")
    parser.add_argument("--keep", action="store_true", help="leave everything in the folder")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
