"""What a sweep ends, when the engine will not have it for one of the runs."""

import time

import pytest
from sqlalchemy import select

from handoff.backends.interface import BackendError, EngineRun, RunPhase, RunStatus
from handoff.database.tables import DuplicateRun, Handoff
from handoff.handoffs.retry import retry
from handoff.handoffs.sweep import Sweep
from handoff.service import Service
from handoff.settings import Settings
from tests.unit.handoff.rows import add_handoff, add_surroundings

IDS = ["a" * 32, "b" * 32]


class Doubled:
    """An engine that has two runs for each handoff; it fails for those in `broken`."""

    settle_seconds = 1.0
    sweep_seconds = 1.0

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.ended: set[str] = set()

    def runs(self, projects: list[str], since: float) -> list[EngineRun]:
        return [run for handoff in IDS for run in self.runs_of(f"key {handoff}", handoff)]

    def runs_of(self, key: str, handoff: str) -> list[EngineRun]:
        names = [f"{handoff[0]}-{number}" for number in (1, 2)]
        return [EngineRun(name, handoff, key, time.time(), name in self.ended) for name in names]

    def cancel(self, reference: str) -> None:
        if reference in self.broken:
            raise BackendError("kubeflow-failed")
        self.ended.add(reference)

    def status(self, reference: str) -> RunStatus:
        return RunStatus(RunPhase.FAILED if reference in self.ended else RunPhase.RUNNING)


@pytest.fixture
def database(tmp_path):
    service = Service.open(Settings.load(tmp_path))
    with service.database.write() as session:
        add_surroundings(session)
        for handoff in IDS:
            named = {"id": handoff, "key": f"key {handoff}", "reference": f"{handoff[0]}-1"}
            add_handoff(session, **named, state="RUNNING", target="cluster")
    yield service.database
    service.database.close()


def open_duplicates(database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(DuplicateRun.reference).where(DuplicateRun.ended_at.is_(None))))


def test_a_duplicate_that_cannot_be_ended_keeps_no_other_from_being_ended(database):
    engine = Doubled()
    engine.broken = {"a-2"}
    sweep = Sweep(database, "cluster", engine)
    sweep.sweep()
    assert engine.ended == {"b-2"}
    assert open_duplicates(database) == ["a-2"]
    engine.broken = set()
    sweep.sweep()
    assert (engine.ended, open_duplicates(database)) == ({"a-2", "b-2"}, [])


def test_a_run_that_a_retry_is_about_to_take_over_is_not_ended(database):
    """The handoff was a dead letter at the sweep's look, and is retried before the sweep writes anything."""
    engine = Doubled()
    with database.write() as session:
        for handoff in session.scalars(select(Handoff)):
            handoff.state, handoff.reference, handoff.attempts = "FAILED", None, 1

    def retried(key: str, handoff: str) -> list[EngineRun]:
        if handoff == IDS[0] and not done:
            done.append(handoff)
            retry(database, handoff)
        return Doubled.runs_of(engine, key, handoff)

    done: list[str] = []
    runs, engine.runs_of = engine.runs([], 0.0), retried
    engine.runs = lambda *_: runs
    Sweep(database, "cluster", engine).sweep()
    assert engine.ended == {
        "b-1",
        "b-2",
    }  # nobody follows those; of the other one, the oldest is kept by the next sweep
