"""On PostgreSQL many write the log at once: who follows it misses nothing, and two who tell tell in turn."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from handoff.access.principal import Principal
from handoff.database.engine import Database
from handoff.database.tables import Alias, LineageEvent, MirrorRow, Promotion
from handoff.home import ResearchHome
from handoff.lineage.log import events_after, record
from handoff.lineage.trace import neighbours, trace
from handoff.mirrors.deliver import Deliverer
from handoff.mirrors.interface import EVENT
from handoff.mirrors.outbox import PLACE
from handoff.models.promote import Promotions
from handoff.settings import Settings
from tests.generated_lineage import BATCH, fill
from tests.unit.handoff.rows import add_surroundings
from tests.unit.models.registry import add_model
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
WRITERS, EACH = 6, 10


@pytest.fixture
def database(postgresql, template):
    database = Database(postgresql.url(postgresql.database(template)))
    yield database
    database.close()


def write_slowly(database: Database, seed: int) -> None:
    """Transactions that commit in another order than they began."""
    chance = random.Random(seed)
    for _ in range(EACH):
        with database.write() as session:
            time.sleep(chance.uniform(0, 0.01))
            record(session, "batch-formed", ("batch", "b"), "lungs")
            session.flush()  # it has its id from here on
            time.sleep(chance.uniform(0, 0.01))


def write_all(database: Database) -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(WRITERS)
    for seed in range(WRITERS):
        pool.submit(write_slowly, database, seed)
    return pool


def test_a_follower_that_goes_on_from_its_last_event_misses_none(database):
    seen: list[int] = []
    pool = write_all(database)

    def look() -> bool:
        with database.read() as session:
            seen.extend(event.id for event in events_after(session, seen[-1] if seen else 0, 7))
        return len(seen) >= WRITERS * EACH

    wait_for(look, 120)
    pool.shutdown()
    with database.read() as session:
        assert seen == list(session.scalars(select(LineageEvent.id).order_by(LineageEvent.id)))


class Listener:
    """What two homes tell; it keeps the events in the order in which it hears of them."""

    name, ordered, history, settle_seconds, keeps_days = "listener", True, True, 0.0, None

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.busy = threading.Lock()

    def wants(self, event):
        return EVENT, str(event.id)

    def tell(self, database, change):
        assert self.busy.acquire(blocking=False), "told by two at once"
        time.sleep(0.002)
        self.heard.append(int(change.subject))
        self.busy.release()
        return ""

    def close(self):
        pass


def test_two_homes_tell_one_listener_in_turn_and_each_event_once(database, tmp_path):
    listener, threads = Listener(), []
    for name in ("one", "two"):
        home = ResearchHome.of(tmp_path / name)
        home.make()
        threads.append(Deliverer(listener, home, database))
        threads[-1].start()
    write_all(database).shutdown()
    wait_for(lambda: len(listener.heard) >= WRITERS * EACH and not waiting(database), 120)
    for thread in threads:
        thread.stop()
    assert listener.heard == sorted(set(listener.heard))


def waiting(database: Database) -> int:
    """Rows that are still to be told, or are not yet noted as told."""
    with database.read() as session:
        return session.query(MirrorRow).where(MirrorRow.kind != PLACE).count()


def test_promotions_of_one_model_at_one_time_are_taken_one_after_another(database, tmp_path):
    with database.write() as session:
        add_surroundings(session)
        for version in range(1, 7):
            add_model(session, version)
    promotions = Promotions(database, Settings.model_validate({"home": tmp_path}))
    who = Principal("ada", "ml-engineer")
    with ThreadPoolExecutor(6) as pool:
        rows = list(pool.map(lambda version: promotions.ask(who, "unet", "champion", version, "x"), range(1, 7)))
    before = {row.model_id: row.before for row in rows}
    with database.read() as session:
        at, chain = session.get_one(Alias, ("unet", "champion")).model_id, []
        while at is not None:
            chain.append(at)
            at = before[at]
        assert len(chain) == session.query(Promotion).count() == 6


def test_a_line_is_traced_and_paged_there_too(database):
    with database.write() as session:
        fill(session, 40, instances=2, runs=20)
    with database.read() as session:
        found = trace(session, "unet:1", 30)
        assert not found.complete
        page, after = neighbours(session, BATCH, "up", "shipment", after=None, limit=25, who=None)
        rest, end = neighbours(session, BATCH, "up", "shipment", after=after, limit=25, who=None)
    assert (len({node.id for node in [*page, *rest]}), end) == (40, None)
