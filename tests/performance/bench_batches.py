"""Forming a batch of a million instances: seconds, and memory: `python -m tests.performance.bench_batches`.

The database is filled directly: what is measured is choosing, checking, naming, writing and recording. Beside it
stands a batch of a hundredth of that; memory is flat when both need the same.
"""

import argparse
import hashlib
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from sqlalchemy import insert

from handoff.batches.form import BatchForming
from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from handoff.database.tables import Instance, Shipment, Study, StudyVersion
from handoff.schemas.batches import BatchRequest
from handoff.store.files import Folder
from handoff.store.incoming import Spool
from handoff.store.store import Store

_OF_STUDY = 200
"""Instances of each study."""
_STUDIES_AT_ONCE = 100
_CT = "1.2.840.10008.5.1.4.1.1.2"


def fill(database: Database, instances: int) -> None:
    """Complete studies of one shipment each, four studies a patient."""
    numbers = range(1, instances // _OF_STUDY + 1)
    for start in range(0, len(numbers), _STUDIES_AT_ONCE):
        some = numbers[start : start + _STUDIES_AT_ONCE]
        with database.write() as session:
            session.execute(insert(Study), [_study(number) for number in some])
            session.execute(insert(StudyVersion), [_version(number) for number in some])
            session.execute(insert(Shipment), [_shipment(number) for number in some])
            session.execute(insert(Instance), [_instance(number, at) for number in some for at in range(_OF_STUDY)])


def _study(number: int) -> dict[str, object]:
    facts = {"patient": _patient(number), "state": "complete", "version": 1, "content": _hash(f"c{number}")}
    return {"id": number, "project": "lungs", "study_uid": f"1.2.{number}", **facts, "last_arrival_at": 0.0}


def _version(number: int) -> dict[str, object]:
    facts = {"content": _hash(f"c{number}"), "instances": _OF_STUDY, "closed_by": {}, "closed_at": 0.0}
    return {"study_id": number, "version": 1, **facts}


def _shipment(number: int) -> dict[str, object]:
    facts = {"series_uid": f"1.2.{number}.1", "modality": "CT", "sha256": _hash(f"p{number}"), "size": 1}
    counts = {"delivered": _OF_STUDY, "withheld": 0, "withheld_by": {}, "treatment": {"profile": "basic"}}
    about = {"id": f"{number:032x}", "project": "lungs", "study_id": number, "patient": _patient(number)}
    return {**about, **facts, **counts, "receipt": {}, "received_at": 0.0}


def _instance(number: int, at: int) -> dict[str, object]:
    uid = f"1.2.{number}.1.{at}"
    facts = {"sop_instance_uid": uid, "sop_class_uid": _CT, "digest": _hash(uid), "size": 1, "revision": 1}
    about = {"shipment_id": f"{number:032x}", "study_id": number, "annotation": False}
    return {**about, **facts, "references": [], "current": True}


def _patient(number: int) -> str:
    return f"P{number // 4:06}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def form(folder: Path) -> None:
    """Form the batch of a filled database; prints seconds, memory and the longest wait of another writer."""
    database = Database(f"sqlite:///{folder}/handoff.db")
    files = Folder(folder / "store")
    forming = BatchForming(database, Store(files, files.below("results"), Spool(folder / "store" / "incoming")))
    other = OtherWriter(database)
    before = _resident()
    other.start()
    start, worked = time.monotonic(), time.process_time()
    batch = forming.form(BatchRequest(project="lungs", select="all")).batch
    seconds, worked = time.monotonic() - start, time.process_time() - worked
    other.stop()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    database.close()
    print(batch.instances, seconds, worked, (peak - before) / 1024, other.longest)


def _resident() -> int:
    """KiB of this process that are in memory now."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize() // 1024


class OtherWriter(threading.Thread):
    """Takes the write lock again and again, as deliveries do; what it waits, they would."""

    def __init__(self, database: Database) -> None:
        super().__init__(daemon=True)
        self._database = database
        self._stopped = threading.Event()
        self.longest = 0.0

    def run(self) -> None:
        while not self._stopped.wait(0.01):
            start = time.monotonic()
            with self._database.write():
                self.longest = max(self.longest, time.monotonic() - start)

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def measure(instances: int) -> tuple[float, ...]:
    """Seconds, seconds of a core, MiB and longest wait of forming a batch, in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        database = Database(f"sqlite:///{name}/handoff.db")
        upgrade(database)
        fill(database, instances)
        database.close()
        command = [sys.executable, "-m", "tests.performance.bench_batches", "--form", name]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert int(said[0]) == instances
    return tuple(map(float, said[1:]))


def main() -> None:
    """Measure both, and print a line for each figure: name, value, unit, ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--instances", type=int, default=1_000_000)
    parser.add_argument("--form", type=Path)
    given = parser.parse_args()
    if given.form:
        form(given.form)
        return
    small, large = measure(given.instances // 100), measure(given.instances)
    rate, rate_small = given.instances / large[0], given.instances / 100 / small[0]
    print(f"batch-forming {rate:.0f} instances/s {rate / rate_small:.2f}")
    print(f"batch-forming-core {given.instances / large[1]:.0f} instances/s {small[1] * 100 / large[1]:.2f}")
    print(f"batch-memory {large[2]:.0f} MiB {large[2] / max(1.0, small[2]):.2f}")
    print(f"batch-longest-wait {large[3] * 1000:.0f} ms {large[3] / max(0.001, small[3]):.2f}")


if __name__ == "__main__":
    main()
