"""What becomes of a run whose target is in no handoff.yaml any more."""

import time

import pytest
from sqlalchemy import delete, select

from handoff.database.tables import Batch, Event, Handoff, OutboxRow, Withdrawal, WorkerPulse
from handoff.handoffs.cancel import cancel
from handoff.handoffs.gone import AWAY_SECONDS, GoneTargets
from handoff.service import Service
from handoff.settings import Settings
from tests.unit.handoff.rows import add_handoff, add_surroundings

ID = "a" * 32
HOUR = 3600.0


class World:
    """One handoff that was sent to the target `removed`, which the settings do not name."""

    def __init__(self, service: Service) -> None:
        self.database = service.database
        self.care = GoneTargets(service.database, service.settings)

    def look(self, later: float = 0.0) -> tuple[str, str | None]:
        """Let the care look, some seconds from now; the handoff's state and reason after it."""
        self.care.look_at(time.time() + later)
        with self.database.read() as session:
            handoff = session.get_one(Handoff, ID)
            return handoff.state, handoff.reason

    def events(self) -> list[tuple[str, str | None]]:
        with self.database.read() as session:
            found = session.scalars(select(Event).order_by(Event.id))
            return [(event.event, event.reason) for event in found]

    def set(self, **named: object) -> None:
        with self.database.write() as session:
            handoff = session.get_one(Handoff, ID)
            for name, value in named.items():
                setattr(handoff, name, value)

    def add_pulse(self) -> None:
        now = time.time()
        facts = {"worker": "w", "target": "removed", "version": "1", "started_at": now, "seen_at": now}
        with self.database.write() as session:
            session.add(WorkerPulse(**facts))


@pytest.fixture
def world(tmp_path):
    service = Service.open(Settings.load(tmp_path))
    with service.database.write() as session:
        add_surroundings(session)
        add_handoff(session, id=ID, key="k", state="SUBMITTING", target="removed", attempts=1)
        session.add(OutboxRow(handoff_id=ID, target="removed", due_at=0.0, attempts=1, sent_at=0.0))
    yield World(service)
    service.database.close()


def test_a_run_whose_target_is_gone_says_so_once_and_waits_for_a_person(world):
    assert [world.look(), world.look(1)] == [("SUBMITTING", "target-gone")] * 2
    assert world.events() == [("target-gone", "removed")]


def test_a_person_ends_it(world):
    world.look()
    cancel(world.database, ID)
    assert world.look() == ("CANCELED", "target-gone")
    with world.database.read() as session:
        assert session.scalar(select(OutboxRow)) is None


def test_it_is_lost_when_the_target_stays_away_for_a_day(world):
    world.look()
    assert world.look(AWAY_SECONDS - HOUR) == ("SUBMITTING", "target-gone")
    assert world.look(AWAY_SECONDS + HOUR) == ("LOST", "target-gone")
    assert world.events() == [("target-gone", "removed"), ("LOST", "target-gone")]


@pytest.mark.parametrize("state", ["SUBMITTED", "RUNNING"])
def test_a_run_that_the_engine_had_ends_the_same_way(world, state):
    world.set(state=state, reference="r")
    world.look()
    assert world.look(AWAY_SECONDS + HOUR) == ("LOST", "target-gone")


def test_a_target_that_came_back_and_left_again_is_waited_for_anew(world):
    world.look()
    world.set(reason=None)
    assert world.look(AWAY_SECONDS + HOUR) == ("SUBMITTING", "target-gone")
    assert world.events() == [("target-gone", "removed")] * 2


def test_a_target_with_a_worker_elsewhere_is_not_gone(world):
    world.add_pulse()
    assert world.look() == ("SUBMITTING", None)
    with world.database.write() as session:
        session.execute(delete(WorkerPulse))
    assert world.look() == ("SUBMITTING", "target-gone")


def test_a_target_that_is_set_up_is_left_to_its_worker(world):
    world.set(target="local", cancel_asked=True)
    assert world.look(AWAY_SECONDS) == ("SUBMITTING", None)


def test_what_was_not_sent_waits_as_before(world):
    world.set(state="READY", attempts=0)
    assert world.look(AWAY_SECONDS) == ("READY", None)


def test_a_run_whose_batch_was_withdrawn_may_go_on_and_is_not_ended_before_its_day(world):
    """Nobody saw it end, and what it still writes would not be purged."""
    with world.database.write() as session:
        facts = {"project": "lungs", "reason": "r", "asked_by": "a", "asked_at": time.time(), "state": "purging"}
        session.add(Withdrawal(id="w", **facts))
        session.flush()
        session.get_one(Batch, "b").withdrawn_by = "w"
    cancel(world.database, ID)
    assert world.look() == ("SUBMITTING", "target-gone")
    assert world.look(AWAY_SECONDS + HOUR) == ("LOST", "target-gone")
