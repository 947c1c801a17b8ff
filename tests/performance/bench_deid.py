"""CPU of de-identification beside others, on one pinned core: `make bench-deid`.

All treat the same CT slices of 0.53 MB in processes that live on; rounds go through them in an order that rotates. CPU
is user and system time of the process, a slice; waiting is none. The median of a round is what its slice took, `least`
is the best round, and a ratio is the median of the ratios within each round, so that a machine that is busy meanwhile
is busy for all of them. What is measured:

- `sluice`: file to file, as `sluice deid apply` does it: open, read, treat, write beside the name, rename, into a
  folder that is empty. `sluice-full-walk` is the same without templates of series.
- `sluice-in-memory`: the engine, as a delivery's worker calls it: the bytes of a file in, the pieces of the new file
  out, verified and with their SHA-256. This is the figure of "1.0 ms a slice".
- `digest`: the share of SHA-256, which all of ours include, and no peer has.

The peers read, change and write; ours also verifies what it wrote, and takes a SHA-256, whose share is `digest`.

`memory` treats a multi-frame of --mb megabytes: the most that Python and numpy have allocated meanwhile, and the same
of a tenth of it; both are the same unless memory grows with the pixels.

Ends in one line per figure.
"""

import argparse
import hashlib
import json
import mmap
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

from tests.peers import deidentifiers
from tests.performance.ct_series import slice_of
from tests.performance.deid_worker import TREATS
from tests.performance.large_multiframe import write

OURS = ("sluice", "sluice-full-walk", "sluice-in-memory")


class Worker:
    """One de-identifier in a process of its own."""

    def __init__(self, name: str, source: Path, target: Path, core: int) -> None:
        python = sys.executable if name in OURS else str(deidentifiers.make())
        root = Path(__file__).parents[2]
        script = str(root / "tests" / "performance" / "deid_worker.py")
        target.mkdir()
        self.process = subprocess.Popen(
            [python, script, name, str(source), str(target), str(core)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(root) if name in OURS else ""},
            text=True,
        )

    def round(self) -> list[float]:
        """Milliseconds of CPU of each slice."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.process.args} ended without an answer")
        return list(json.loads(answer))

    def end(self) -> None:
        """No more rounds."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=64, help="of the series (default: 64)")
    parser.add_argument("--rounds", type=int, default=9, help="(default: 9)")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="to pin all of them to")
    parser.add_argument("--mb", type=int, default=500, help="megabytes of the multi-frame (default: 500)")
    parser.add_argument("--only", default="", help="cpu or memory")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-deid-") as folder:
        if options.only in ("", "cpu"):
            cpu(Path(folder), options.slices, options.rounds, options.core)
        if options.only in ("", "memory"):
            for megabytes in (options.mb // 10, options.mb):
                print(f"memory-{megabytes}-mb {memory(Path(folder), megabytes) / 1e6:.2f} MB allocated at most")
    return 0


def cpu(folder: Path, slices: int, rounds: int, core: int) -> None:
    """The figures of all de-identifiers."""
    source = folder / "source"
    source.mkdir()
    for number in range(1, slices + 1):
        slice_of(number, stored=12).save_as(source / f"{number:05}.dcm", enforce_file_format=True)
    print(f"load {os.getloadavg()[0]:.1f}, {slices} slices, {rounds} rounds, core {core}", flush=True)
    workers = {name: Worker(name, source, folder / name, core) for name in TREATS}
    for worker in workers.values():
        worker.round()
    taken: dict[str, list[float]] = {name: [] for name in (*TREATS, "digest")}
    names = list(TREATS)
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            taken[name].append(statistics.median(workers[name].round()))
        taken["digest"].append(_digest(source, core))
    for worker in workers.values():
        worker.end()
    for name, medians in taken.items():
        least = f"least {min(medians):.3f}"
        print(f"{name} {statistics.median(medians):.3f} ms CPU a slice, {least}")
    for ours in OURS:
        alike = [name for name in TREATS if name not in OURS and ("memory" in name) == ("memory" in ours)]
        for peer in alike:
            ratios = [theirs / mine for theirs, mine in zip(taken[peer], taken[ours], strict=True)]
            print(f"{ours}-to-{peer} {statistics.median(ratios):.1f} times", flush=True)


def _digest(source: Path, core: int) -> float:
    """Milliseconds of CPU that SHA-256 of a slice takes."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    taken = []
    for file in sorted(source.iterdir()):
        content = file.read_bytes()
        began = time.process_time_ns()
        hashlib.sha256(content)
        taken.append((time.process_time_ns() - began) / 1e6)
    os.sched_setaffinity(0, before)
    return statistics.median(taken)


def memory(folder: Path, megabytes: int) -> int:
    """Bytes that treating and writing a mapped multi-frame allocates at most."""
    from processors.deid import Engine, KeyFile, Profile
    from processors.deid.folder import treat_file

    engine = Engine(Profile.load(), KeyFile("00000000", 1, b"s" * 32).project("bench"))
    file = folder / f"{megabytes}.dcm"
    write(file, megabytes)
    treat_file(engine, folder, folder / "warm", Path(file.name))
    tracemalloc.start()
    outcome = treat_file(engine, folder, folder / "out", Path(file.name))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    with (folder / "out" / file.name).open("rb") as written, file.open("rb") as read:
        maps = [mmap.mmap(each.fileno(), 0, access=mmap.ACCESS_READ) for each in (written, read)]
        same = maps[0][-megabytes * 1000_000 :: 4093] == maps[1][-megabytes * 1000_000 :: 4093]
    if outcome.reason or not same:
        raise RuntimeError(outcome.reason or "other pixels")
    return peak


if __name__ == "__main__":
    sys.exit(main())
