"""Who gets which row of the outbox: once, in turn, within quotas; on SQLite and on PostgreSQL."""

import random
import threading
import time
from collections import Counter

import pytest
from sqlalchemy import delete, select, update

from handoff.alive import Alive
from handoff.api.kept_answers import Answer, KeptAnswers, Turn
from handoff.database.alone import alone
from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from handoff.database.tables import Event, Handoff, LineageEvent, MirrorRow, OutboxRow
from handoff.errors import BusyError, ConflictError
from handoff.handoffs.cancel import cancel
from handoff.handoffs.outbox import free_leases, give_back, settle, take
from handoff.handoffs.queue import Queue, due_rows
from handoff.handoffs.retry import retry
from handoff.handoffs.states import State, transition
from handoff.home import ResearchHome
from tests.integration.handoff.backings import with_database
from tests.unit.handoff.rows import add_handoff, add_surroundings

pytestmark = pytest.mark.integration
POOL = "gpus"
MEMBERS = ("left", "right")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request, tmp_path_factory):
    """A database with what handoffs stand on, shared by the tests of the module."""
    if request.param == "postgresql":
        server, template = request.getfixturevalue("postgresql"), request.getfixturevalue("template")
        database = Database(with_database(server, template)["database_url"])
    else:
        database = Database(f"sqlite:///{tmp_path_factory.mktemp('claims')}/handoff.db")
        upgrade(database)
    with database.write() as session:
        add_surroundings(session)
    yield database
    database.close()


@pytest.fixture
def database(shared):
    yield shared
    with shared.write() as session:
        for table in (OutboxRow, Event, LineageEvent, MirrorRow, Handoff):
            session.execute(delete(table))


def wait(database, name: str, *, target: str = "local", pool: str | None = None, **facts: object) -> None:
    """An accepted handoff that waits for a target, or for a pool."""
    with database.write() as session:
        add_handoff(
            session, id=name.ljust(32, "0"), key=name, state="ACCEPTED", target=pool or target, pool=pool, **facts
        )
        session.add(OutboxRow(handoff_id=name.ljust(32, "0"), target=pool or target, due_at=0.0))


def claim(database, queue: Queue, worker: str = "we", now: float | None = None) -> str | None:
    """What a worker does to get a row; the name of the handoff that it got."""
    now = now or time.time()
    with database.read() as session:
        due = due_rows(session, queue, now)
    for row_id in due:
        with database.write() as session:
            row = take(session, queue, row_id, worker, now)
            if row is not None:
                return row.handoff_id.rstrip("0")
    return None


def occupy(database, name: str, since: float = 0.0) -> None:
    """The engine has it, since so many seconds."""
    with database.write() as session:
        handoff = session.get_one(Handoff, name.ljust(32, "0"))
        handoff.state, handoff.sent_at, handoff.attempts = "RUNNING", time.time() - since, 1
        settle(session, handoff.id)


def of_pool(target: str, places: int = 100) -> Queue:
    return Queue(target, places, pools=(POOL,), beside=MEMBERS)


def at_once(*steps) -> list[object]:
    """Do all at the same moment; what each gave, or the error that it raised."""
    gate, given = threading.Barrier(len(steps)), [None] * len(steps)

    def work(number: int) -> None:
        gate.wait()
        try:
            given[number] = steps[number]()
        except ConflictError as error:
            given[number] = error

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(steps))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return given


def test_of_two_workers_of_a_pool_each_row_has_one(database):
    for number in range(30):
        wait(database, f"a{number}x", pool=POOL)
    claimed: Counter[str] = Counter()

    def work(target: str):
        def step() -> None:
            misses = 0
            while misses < 3:
                name = claim(database, of_pool(target, places=1000), target)
                misses = misses + 1 if name is None else 0
                if name is not None:
                    claimed[name] += 1

        return step

    at_once(*(work(target) for target in (*MEMBERS, *MEMBERS)))
    assert claimed == dict.fromkeys([f"a{number}x" for number in range(30)], 1)
    with database.read() as session:
        bound = session.execute(select(Handoff.target, OutboxRow.target, OutboxRow.leased_by).join(OutboxRow)).all()
    assert all(handoff == row == worker and handoff in MEMBERS for handoff, row, worker in bound)


def test_two_looks_that_found_the_same_row_lead_to_one_lease(database):
    for _ in range(8):
        wait(database, "a", pool=POOL)
        with database.read() as session:
            (row_id,) = session.scalars(select(OutboxRow.id)).all()

        def lease(target: str, row_id: int = row_id):
            def step() -> bool:
                with database.write() as session:
                    return take(session, of_pool(target), row_id, target, time.time()) is not None

            return step

        assert sorted(at_once(lease("left"), lease("right"))) == [False, True]
        with database.write() as session:
            session.execute(delete(OutboxRow))
            session.execute(delete(Handoff))


@pytest.mark.parametrize("seed", range(6))
def test_a_cancel_and_a_claim_at_once_end_it_or_tell_the_worker(database, seed):
    """Whoever is first: it is ended and no worker has it, or a worker has it and knows that it is to end."""
    wait(database, "a")
    pause = random.Random(seed).uniform(0, 0.003)

    def late_cancel() -> None:
        time.sleep(pause)
        cancel(database, "a".ljust(32, "0"))

    claimed, _ = at_once(lambda: claim(database, Queue("local", 1)), late_cancel)
    with database.read() as session:
        handoff = session.get_one(Handoff, "a".ljust(32, "0"))
        row = session.scalar(select(OutboxRow))
    ended = (handoff.state, row, claimed) == ("CANCELED", None, None)
    told = (handoff.state, handoff.cancel_asked, claimed) == ("ACCEPTED", True, "a") and row.leased_by == "we"
    assert ended or told


def test_of_many_retries_at_once_one_row_comes(database):
    for answer in range(4):
        name = f"a{answer}x".ljust(32, "0")
        with database.write() as session:
            add_handoff(session, id=name, key=name, state="FAILED", reason="pipeline-invalid", ended_at=1.0)
        at_once(*[lambda name=name: retry(database, name)] * 4)
        with database.read() as session:
            assert len(session.scalars(select(OutboxRow).where(OutboxRow.handoff_id == name)).all()) == 1
            assert session.get_one(Handoff, name).state == "ACCEPTED"


def test_of_many_requests_with_one_key_at_once_one_gets_to_work(database, tmp_path):
    home = ResearchHome.of(tmp_path)
    home.make()
    answers = KeptAnswers(database, Alive(home))
    for key in ("k1", "k2", "k3"):
        got = at_once(*[lambda key=key: answers.begin("us", key, "d" * 64)] * 6)
        (turn,) = [item for item in got if isinstance(item, Turn)]
        assert got.count(None) == 5
        answers.keep(turn, 202, Answer(202, "application/json", "{}"))
        assert (
            at_once(*[lambda key=key: answers.begin("us", key, "d" * 64)] * 3)
            == [Answer(202, "application/json", "{}")] * 3
        )


def test_the_last_gpus_of_a_project_go_to_one_of_two_targets(database):
    for round_ in range(6):
        wait(database, f"l{round_}x", target="left", gpus=2)
        wait(database, f"r{round_}x", target="right", gpus=2)
        queues = [Queue(target, 10, quotas={"lungs": 3}) for target in MEMBERS]
        got = at_once(*(lambda queue=queue: claim(database, queue, queue.target) for queue in queues))
        assert len([name for name in got if name]) == 1, got
        with database.write() as session:
            session.execute(delete(OutboxRow))
            session.execute(update(Handoff).values(state="FAILED"))


def test_a_project_with_one_row_does_not_wait_for_one_with_many(database):
    for number in range(5):
        wait(database, f"many{number}x", project="lungs")
    wait(database, "one", project="hearts")
    queue, order = Queue("local", 10), []
    for _ in range(6):
        order.append(claim(database, queue))
        occupy(database, order[-1], since=10.0)
    assert order[:2] == ["many0x", "one"]


def test_a_share_of_three_gets_three_places_of_four(database):
    for number in range(12):
        wait(database, f"a{number:02}x", project="lungs")
        wait(database, f"b{number:02}x", project="hearts")
    queue, got = Queue("local", 100, shares={"lungs": 3.0}), Counter()
    for _ in range(12):
        name = claim(database, queue)
        occupy(database, name, since=60.0)
        got[name[0]] += 1
    assert got == {"a": 9, "b": 3}


def test_within_a_project_a_large_run_is_passed_only_by_what_needs_no_gpu(database):
    wait(database, "running", gpus=2)
    occupy(database, "running")
    wait(database, "large", gpus=4)
    wait(database, "small", gpus=1)
    wait(database, "none")
    queue = Queue("local", 10, quotas={"lungs": 4})
    assert [claim(database, queue), claim(database, queue)] == ["none", None]
    with database.write() as session:
        transition(session, session.get_one(Handoff, "running".ljust(32, "0")), State.FAILED)
    assert [claim(database, queue), claim(database, queue)] == ["large", None]


def test_a_fuller_member_leaves_a_row_to_an_emptier_one_for_a_moment(database):
    wait(database, "busy", target="left")
    occupy(database, "busy")
    wait(database, "fresh", pool=POOL)
    now = time.time()
    with database.write() as session:
        session.execute(update(OutboxRow).values(due_at=now))
    assert claim(database, of_pool("left", places=2), now=now) is None
    assert claim(database, of_pool("right", places=2), now=now) == "fresh"


def test_a_row_that_nobody_else_takes_is_taken_by_the_fuller_member(database):
    wait(database, "busy", target="left")
    occupy(database, "busy")
    wait(database, "old", pool=POOL)  # due since 1970
    assert claim(database, of_pool("left", places=2)) == "old"


def test_a_member_that_died_before_it_sent_anything_keeps_no_row(database):
    wait(database, "a", pool=POOL)
    assert claim(database, of_pool("left")) == "a"
    assert claim(database, of_pool("right")) is None
    with database.write() as session:
        session.execute(update(OutboxRow).values(leased_until=0.0))  # its time is over
    assert claim(database, of_pool("right"), "right") == "a"
    with database.write() as session:
        free_leases(session, "left")  # it starts again, and takes back what is its own
        assert session.scalars(select(OutboxRow.leased_by)).one() == "right"


def test_what_was_sent_stays_with_its_target_for_ever(database):
    wait(database, "a", pool=POOL)
    assert claim(database, of_pool("left")) == "a"
    with database.write() as session:
        session.execute(update(OutboxRow).values(leased_until=0.0))
        session.execute(update(Handoff).values(state="SUBMITTING", attempts=1))
    assert claim(database, of_pool("right")) is None
    assert claim(database, of_pool("left", places=1)) == "a"


def test_a_dead_letter_that_was_sent_is_retried_where_it_was_and_any_other_by_the_pool(database):
    for name, attempts in (("sent", 1), ("unsent", 0)):
        with database.write() as session:
            facts = {"target": "left", "pool": POOL, "attempts": attempts, "ended_at": 1.0}
            add_handoff(session, id=name.ljust(32, "0"), key=name, state="FAILED", **facts)
        retry(database, name.ljust(32, "0"))
    assert [claim(database, of_pool("right")), claim(database, of_pool("right"))] == ["unsent", None]
    assert claim(database, of_pool("left")) == "sent"


def test_what_is_given_back_is_anybodys_at_once(database):
    wait(database, "a", pool=POOL)
    assert claim(database, of_pool("left")) == "a"
    with database.write() as session:
        row = session.scalars(select(OutboxRow)).one()
        row.leased_until = 0.0
        give_back(session.get_one(Handoff, row.handoff_id), row, time.time() - 1)
    assert claim(database, of_pool("right")) == "a"


def test_one_is_alone_with_a_thing_until_it_lets_go_of_it(database):
    with alone(database, "batch", "a", 0.0):
        with pytest.raises(BusyError), alone(database, "batch", "a", 0.0):
            pass
        with alone(database, "batch", "b", 0.0):
            pass
    with alone(database, "batch", "a", 0.0):
        pass
