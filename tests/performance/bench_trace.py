"""How long the line of an id takes with 100,000 studies and a million instances.

`PYTHONPATH=. python tests/performance/bench_trace.py` prints one line per figure: name, value, unit, and its part
of the limit that it must keep. The database is made anew in a temporary folder, which takes minutes and 1.5 GB.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from handoff.lineage.prov import prov_json
from handoff.lineage.trace import neighbours, trace
from tests.generated_lineage import BATCH, PREPARE, fill, run_id, shipment_id, study_uid

LIMIT_SECONDS = 1.0
_ROUNDS = 5


def main() -> None:
    """Fill a database, then ask."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--studies", type=int, default=100_000)
    parser.add_argument("--instances", type=int, default=10, help="of each study")
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, help="kept; the default is a temporary one")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        file = (given.folder or Path(temporary)) / "handoff.db"
        fresh = not file.exists()
        database = Database(f"sqlite:///{file}")
        if fresh:
            upgrade(database)
            with database.write() as session:
                fill(session, given.studies, given.instances, given.runs)
        _measure(database, given.studies)
        database.close()


def _measure(database: Database, studies: int) -> None:
    names = {
        "model": "unet:1",
        "batch": BATCH,
        "instance": f"{study_uid(studies // 2)}.1.1",
        "study": study_uid(studies // 3),
        "shipment": shipment_id(studies // 4),
        "prepare": PREPARE,
        "inference": run_id(7),
    }
    for name, identifier in names.items():
        _say(f"trace_{name}", lambda identifier=identifier: _trace(database, identifier, 1000))
    _say("trace_model_10000_things", lambda: _trace(database, "unet:1", 10_000))
    _say("prov_model", lambda: prov_json(_trace(database, "unet:1", 1000)))
    middle = f"{2**127:032x}"
    _say("page_of_shipments", lambda: _page(database, middle))


def _trace(database: Database, identifier: str, limit: int):
    with database.read() as session:
        return trace(session, identifier, limit)


def _page(database: Database, after: str):
    with database.read() as session:
        return neighbours(session, BATCH, "up", "shipment", after=after, limit=1000, who=None)


def _say(name: str, ask: Callable[[], object]) -> None:
    """The slowest of some rounds, the first one, cold, among them."""
    slowest = 0.0
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        ask()
        slowest = max(slowest, time.perf_counter() - begun)
    print(f"{name} {slowest:.3f} s {slowest / LIMIT_SECONDS:.3f}")


if __name__ == "__main__":
    main()
