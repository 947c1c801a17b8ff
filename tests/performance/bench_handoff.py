"""What the handoff keeps up while it is busy: `make bench-handoff`.

1. Deliveries: packages one at a time, each beside a plain copy of the same bytes to the same disk.
2. Handoffs accepted at a steady rate while four such packages arrive, from when each was due; and beside the same
   uploads what the disk itself takes for a small durable write, which every accepted handoff waits for.
3. Memory of the service over all of it.
4. Lists and traces over 10^5 studies and 10^6 instances.

Ends in one line per figure: `name value unit ratio-to-peer`. The machine's load is printed beside them.
"""

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import wait
from pathlib import Path
from typing import Final

from handoff.database.dialect import sqlite_url
from handoff.database.engine import Database
from handoff.home import ResearchHome
from handoff.schemas.batches import BatchRequest
from tests.integration.handoff.packages import Package
from tests.integration.handoff.running import RunningHandoff, running, wait_complete
from tests.performance.large_packages import LargePackage
from tests.performance.many_rows import fill
from tests.performance.sending import Door, copy, deliver, post_steadily, processes, sync_steadily

UPLOADS: Final = 4
PER_SECOND: Final = 100.0


def main() -> int:
    """Run the benchmark."""
    options = _options()
    options.folder.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="bench-handoff-", dir=options.folder)).resolve()
    settings = {"max_package_bytes": 8 << 30}
    try:
        with running(home, settings=settings) as service:
            door = _door(service)
            print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
            if "deliver" in options.parts:
                _deliveries(service, door, int(options.gib * 2**30), options.rounds)
            if "accept" in options.parts:
                _accepting(service, door, int(options.gib * 2**30), options.seconds)
        if "lists" in options.parts:
            _lists(home / "many", settings, options.rounds)
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return 0


def _door(service: RunningHandoff) -> Door:
    home = service.home / "research"
    tokens = ((home / name).read_text().strip() for name in ("token", "api-token"))
    return Door("127.0.0.1", int(service.ready["port"]), *tokens)


def _deliveries(service: RunningHandoff, door: Door, size: int, rounds: int) -> None:
    with processes(1) as pool:
        pool.submit(os.getpid).result()
        shares, rates = [], []
        for _ in range(rounds):
            package = LargePackage.of(size)
            copied = pool.submit(copy, str(service.home), package).result()
            delivered = pool.submit(deliver, door, package).result()
            copied = (copied + pool.submit(copy, str(service.home), package).result()) / 2
            _forget(service)
            shares.append(copied / delivered)
            rates.append(size / delivered / 2**20)
            print(f"copy {size / copied / 2**20:.0f} MiB/s, delivery {rates[-1]:.0f} MiB/s", flush=True)
    share = statistics.median(shares)
    print(f"handoff-delivery-rate {statistics.median(rates):.0f} MiB/s {share:.2f}")


def _accepting(service: RunningHandoff, door: Door, size: int, seconds: float) -> None:
    bodies = _decisions(service, int(seconds * PER_SECOND))
    packages = [LargePackage.of(size) for _ in range(UPLOADS)]
    memory = _resident(service)
    with processes(UPLOADS + 1) as pool:
        wait([pool.submit(time.sleep, 0.5) for _ in range(UPLOADS + 1)])
        _say("disk-alone", pool.submit(sync_steadily, str(service.home), PER_SECOND, 3.0).result())
        alone = pool.submit(post_steadily, door, "/v1/handoffs", bodies[: len(bodies) // 3], PER_SECOND).result()
        _say("handoff-accept-alone", alone)
        sending = [pool.submit(deliver, door, package) for package in packages]
        busy = pool.submit(post_steadily, door, "/v1/handoffs", bodies[len(bodies) // 3 :], PER_SECOND)
        while not busy.done():
            memory.append(_resident(service)[0])
            time.sleep(0.2)
            if all(each.done() for each in sending) and not busy.done():
                _forget(service)
                sending = [pool.submit(deliver, door, LargePackage.of(size)) for _ in range(UPLOADS)]
        _say("handoff-accept-busy", busy.result())
        for each in sending:
            print(f"upload {size / each.result() / 2**20:.0f} MiB/s")
        _forget(service)
        sending = [pool.submit(deliver, door, LargePackage.of(size)) for _ in range(UPLOADS)]
        _say("disk-busy", pool.submit(sync_steadily, str(service.home), PER_SECOND, seconds / 3).result())
        wait(sending)
    print(f"handoff-memory-growth {max(memory) - memory[0]:.0f} MiB -")


def _lists(home: Path, settings: dict[str, object], rounds: int) -> None:
    """Medians of what people and programs ask for, over a database of years."""
    with running(home, settings=settings):
        pass  # makes the database
    database = Database(sqlite_url(ResearchHome.of(home).database))
    ids = fill(database)
    database.close()
    paths = {
        "studies": "/v1/studies?limit=200",
        "studies-middle": "/v1/studies?limit=200&after=50000",
        "shipments": "/v1/shipments?limit=1000",
        "batches": "/v1/batches",
        "handoffs": "/v1/handoffs?limit=200",
        "trace-shipment": f"/v1/trace/{ids['shipment']}",
        "trace-study": f"/v1/trace/{ids['study']}",
        "trace-batch": f"/v1/trace/{ids['batch']}",
        "trace-model": f"/v1/trace/{ids['model']}",
        "metrics": "/metrics",
        "readyz": "/readyz",
    }
    with running(home, settings=settings) as service:
        memory = _resident(service)[0]
        for name, path in paths.items():
            seconds = []
            for _ in range(rounds):
                began = time.perf_counter()
                answer = service.get(path)
                seconds.append(time.perf_counter() - began)
                if answer.status_code != 200:
                    raise RuntimeError(f"{path}: {answer.text[:300]}")
            print(f"handoff-{name} {statistics.median(seconds):.3f} s -", flush=True)
        print(f"handoff-lists-memory-growth {_resident(service)[0] - memory:.0f} MiB -")


def _say(name: str, seconds: Sequence[float]) -> None:
    sorted_ms = sorted(1000 * each for each in seconds)
    for percent in (50, 99):
        print(f"{name}-p{percent} {sorted_ms[len(sorted_ms) * percent // 100]:.1f} ms -")
    print(f"{name}-max {sorted_ms[-1]:.1f} ms -", flush=True)


def _decisions(service: RunningHandoff, count: int) -> list[dict[str, object]]:
    """As many handoffs as are asked for, all of one small batch, each with parameters of its own."""
    package = Package.of(3, project="bench")
    service.deliver(package)
    wait_complete(service, package.study)
    batch = service.client.form_batch(BatchRequest(project="bench", select="all")).id
    text = (Path(__file__).parents[2] / "ml/pipelines/prepare.yaml").read_text()
    service.client.register_pipeline("bench", text, "c" * 64)
    return [
        {"kind": "prepare", "batch": batch, "pipeline": "bench", "parameters": {"spec": f"spec-{number}"}}
        for number in range(count)
    ]


def _resident(service: RunningHandoff) -> list[float]:
    """MiB of the service's memory that are its own."""
    lines = Path(f"/proc/{service.process.pid}/status").read_text().splitlines()
    return [int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon")]


def _forget(service: RunningHandoff) -> None:
    """Make room: what was delivered is not looked at again."""
    shutil.rmtree(service.home / "research" / "store" / "packages", ignore_errors=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=2.0, help="size of a package")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--folder", type=Path, default=Path("build"), help="a folder on a local disk, 20 GB free")
    parser.add_argument("--parts", nargs="+", default=["deliver", "accept", "lists"])
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
