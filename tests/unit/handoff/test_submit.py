"""When a handoff is sent, and when it is not: by what the engine answered, and by what it knows."""

import time
from dataclasses import replace

import pytest
from sqlalchemy import select

from handoff.access.run_access import RunAccesses
from handoff.access.run_tokens import RunTokens
from handoff.backends.interface import Answer, BackendError, Prepared
from handoff.contract import environment
from handoff.database.tables import Batch, Event, Handoff, OutboxRow, Token
from handoff.handoffs.cancel import cancel
from handoff.handoffs.order import RunOrder
from handoff.handoffs.outbox import MOST_ATTEMPTS, settle, take
from handoff.handoffs.queue import Queue, due_rows
from handoff.handoffs.retry import retry
from handoff.handoffs.states import State, transition
from handoff.handoffs.submit import Submission
from handoff.service import Service
from handoff.settings import Settings
from handoff.targets import LocalTarget
from tests.unit.handoff.rows import add_handoff, add_surroundings

ID = "a" * 32
SETTLE_SECONDS = 100.0
QUEUE = Queue("local", places=1)


class Scripted:
    """An engine that answers what a test tells it."""

    settle_seconds = SETTLE_SECONDS
    poll_seconds = 0.0

    def __init__(self) -> None:
        self.posts = 0
        self.runs: dict[str, str] = {}
        self.answers: list[BackendError | str] = []
        self.unready: BackendError | None = None

    def prepare(self, order: RunOrder) -> Prepared:
        if self.unready is not None:
            raise self.unready
        return Prepared(order, "d" * 64)

    def find(self, key: str, handoff: str) -> str | None:
        return self.runs.get(key)

    def submit(self, prepared: Prepared) -> str:
        self.posts += 1
        answer = self.answers.pop(0)
        if isinstance(answer, BackendError):
            raise answer
        return answer


class World:
    """A database with one accepted handoff, and the worker's part that sends it."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.database = service.database
        self.tokens = service.tokens
        self.engine = Scripted()
        self.submission = Submission(service.database, service.home, service.store, self.engine, "we")

    def give_access(self, seconds: float) -> None:
        """Let steps reach their files by the handoff."""
        tokens = RunTokens.of_home(self.database, self.service.home, seconds)
        accesses = RunAccesses(tokens, LocalTarget(files="handoff"), self.service.store, lambda: "https://handoff:8443")
        self.submission = replace(self.submission, accesses=accesses)

    def send(self, *, later: float = 0.0) -> None:
        """Let the worker take the row, some seconds later."""
        with self.database.write() as session:
            row = session.scalars(select(OutboxRow)).one()
            row.due_at = 0.0
            if row.sent_at is not None:
                row.sent_at -= later
            assert take(session, QUEUE, row.id, "we", time.time())
        self.submission.submit(ID)

    @property
    def handoff(self) -> Handoff:
        with self.database.read() as session:
            return session.get_one(Handoff, ID)

    @property
    def row(self) -> OutboxRow | None:
        with self.database.read() as session:
            return session.scalar(select(OutboxRow))

    def change(self, **values: object) -> None:
        with self.database.write() as session:
            for name, value in values.items():
                setattr(session.get_one(Handoff, ID), name, value)


@pytest.fixture
def world(tmp_path, monkeypatch):
    order = RunOrder(
        key="k", handoff=ID, project="lungs", batch="b", pipeline=tmp_path, pipeline_name="p",
        pipeline_digest="c" * 64, inputs={}, result=None,
    )  # fmt: skip
    monkeypatch.setattr("handoff.handoffs.submit.make_order", lambda *_: order)
    service = Service.open(Settings.load(tmp_path))
    with service.database.write() as session:
        add_surroundings(session)
        add_handoff(session, id=ID, key="k", state="ACCEPTED")
        session.add(OutboxRow(handoff_id=ID, target="local", due_at=0.0, attempts=0))
    yield World(service)
    service.database.close()


def error(answer: Answer) -> BackendError:
    return BackendError("engine-says", answer)


def test_what_is_sent_and_when_is_committed_first(world):
    world.engine.answers = ["run-1"]
    world.send()
    handoff = world.handoff
    assert (handoff.state, handoff.reference, handoff.attempts) == ("SUBMITTED", "run-1", 1)
    assert (handoff.prepared_digest, world.row) == ("d" * 64, None)
    assert handoff.sent_at is not None


def test_after_a_sure_refusal_the_next_attempt_may_come_at_once(world):
    world.engine.answers = [error(Answer.REFUSED), "run-1"]
    world.send()
    assert (world.handoff.state, world.handoff.reason, world.row.sent_at) == ("SUBMITTING", "engine-says", None)
    world.send()
    assert (world.handoff.state, world.engine.posts, world.handoff.attempts) == ("SUBMITTED", 2, 2)


def test_after_an_ambiguous_answer_nothing_is_sent_before_it_settled(world):
    world.engine.answers = [error(Answer.AMBIGUOUS), "run-2"]
    world.send()
    for _ in range(3):
        world.send(later=SETTLE_SECONDS / 4)
    assert (world.handoff.state, world.engine.posts) == ("SUBMITTING", 1)
    world.send(later=SETTLE_SECONDS / 4)
    assert (world.handoff.reference, world.engine.posts) == ("run-2", 2)


def test_every_attempt_gives_the_run_the_same_token_whose_time_begins_anew(world):
    """What an attempt before may be using already goes on to hold."""
    seen = []
    world.engine.answers = [error(Answer.REFUSED), "run-1"]
    prepare = world.engine.prepare
    world.engine.prepare = lambda order: (seen.append(order.access), prepare(order))[1]
    for seconds in (60.0, 3600.0):  # of a worker, and of the one that took over
        world.give_access(seconds)
        world.send()
    assert seen[0] == seen[1]
    assert seen[0].variables[environment.RUN] == ID
    assert seen[0].token not in repr(seen[0])
    assert world.tokens.find(seen[0].token).handoff_id == ID
    with world.database.read() as session:
        assert session.scalars(select(Token).where(Token.handoff_id == ID)).one().expires_at > time.time() + 1800


def test_a_run_that_shows_meanwhile_is_taken_over(world):
    world.engine.answers = [error(Answer.AMBIGUOUS)]
    world.send()
    world.engine.runs["k"] = "run-1"
    world.send(later=1.0)
    assert (world.handoff.state, world.handoff.reference, world.engine.posts) == ("SUBMITTED", "run-1", 1)


def test_a_crash_before_the_answer_counts_as_an_ambiguous_answer(world):
    class CrashError(BaseException):
        """The process is gone: nothing after it is done."""

    def crash(_: Prepared) -> str:
        world.engine.posts += 1
        raise CrashError

    world.engine.submit, real = crash, world.engine.submit
    with pytest.raises(CrashError):
        world.send()
    world.engine.submit = real
    with world.database.write() as session:
        session.scalars(select(OutboxRow)).one().leased_until = 0.0
    world.send(later=SETTLE_SECONDS / 2)
    assert (world.handoff.state, world.engine.posts) == ("SUBMITTING", 1)


def test_an_attempt_that_never_reached_the_engine_is_not_counted_and_waited_for_without_end(world):
    world.engine.answers = [error(Answer.UNAVAILABLE)] * (2 * MOST_ATTEMPTS) + ["run-1"]
    for _ in range(2 * MOST_ATTEMPTS):
        world.send()
    assert (world.handoff.state, world.handoff.attempts) == ("SUBMITTING", 0)
    world.send()
    assert (world.handoff.state, world.handoff.attempts) == ("SUBMITTED", 1)


def test_an_engine_that_is_not_ready_is_waited_for_without_end_and_says_why(world):
    world.engine.unready = error(Answer.UNAVAILABLE)
    for _ in range(2 * MOST_ATTEMPTS):
        world.send()
    assert (world.handoff.state, world.handoff.reason, world.engine.posts) == ("VALIDATING", "engine-says", 0)


def test_too_many_refusals_are_a_dead_letter_with_the_reason(world):
    world.engine.answers = [error(Answer.REFUSED)] * MOST_ATTEMPTS
    for _ in range(MOST_ATTEMPTS):
        world.send()
    assert (world.handoff.state, world.handoff.reason, world.row) == ("FAILED", "engine-says", None)


def test_too_many_refusals_to_prepare_are_a_dead_letter_and_nothing_was_sent(world):
    world.engine.unready = error(Answer.REFUSED)
    for _ in range(MOST_ATTEMPTS - 1):
        world.send()
    assert (world.handoff.state, world.handoff.reason) == ("VALIDATING", "engine-says")
    world.send()
    assert (world.handoff.state, world.handoff.reason, world.row) == ("FAILED", "engine-says", None)
    assert (world.handoff.attempts, world.engine.posts) == (0, 0)


def test_waiting_for_an_engine_to_settle_makes_no_later_pause_longer(world):
    world.engine.answers = [error(Answer.AMBIGUOUS)] * 3 + [error(Answer.REFUSED)]
    for _ in range(4):
        world.send(later=SETTLE_SECONDS)
    assert (world.engine.posts, world.row.pauses) == (4, 1)
    assert world.row.due_at - time.time() <= 2.0


def test_what_is_down_for_days_says_so_once(world):
    world.engine.unready = error(Answer.UNAVAILABLE)
    for _ in range(5):
        world.send()
    with world.database.read() as session:
        assert [event.event for event in session.scalars(select(Event))] == ["VALIDATING", "postponed"]


def test_what_landed_after_its_dead_letter_is_taken_over_by_a_retry_and_nothing_is_sent(world):
    world.engine.answers = [error(Answer.AMBIGUOUS)] * MOST_ATTEMPTS
    for _ in range(MOST_ATTEMPTS + 1):
        world.send(later=SETTLE_SECONDS)
    assert world.handoff.state == "FAILED"
    world.engine.runs["k"] = "run-late"
    retry(world.database, ID)
    world.send()
    assert (world.handoff.state, world.handoff.reference) == ("SUBMITTED", "run-late")
    assert (world.engine.posts, world.row) == (MOST_ATTEMPTS, None)


def test_a_retry_has_all_its_attempts_again_under_the_same_key(world):
    world.engine.answers = [error(Answer.REFUSED)] * MOST_ATTEMPTS + [error(Answer.REFUSED), "run-1"]
    for _ in range(MOST_ATTEMPTS):
        world.send()
    retry(world.database, ID)
    world.send()
    assert world.handoff.state == "SUBMITTING"
    world.send()
    assert (world.handoff.state, world.handoff.key, world.handoff.attempts) == ("SUBMITTED", "k", MOST_ATTEMPTS + 2)


def test_a_worker_that_slept_through_a_dead_letter_and_its_retry_sends_nothing(world):
    """It prepared, its lease was over, another one refused it to the end, and a person retried it."""

    def asleep(order: RunOrder) -> Prepared:
        with world.database.write() as session:
            handoff = session.get_one(Handoff, ID)
            settle(session, ID)
            transition(session, handoff, State.FAILED, "engine-says")
        retry(world.database, ID)
        return Prepared(order, "d" * 64)

    world.engine.prepare = asleep
    world.send()
    assert (world.handoff.state, world.engine.posts, world.row.leased_by) == ("ACCEPTED", 0, None)


@pytest.mark.parametrize("answer", list(Answer))
def test_what_a_target_cannot_prepare_goes_back_to_its_pool(world, answer):
    world.change(pool="gpus")
    world.engine.unready = error(answer)
    world.send()
    assert (world.handoff.target, world.row.target, world.row.leased_by) == ("gpus", "gpus", None)


@pytest.mark.parametrize("answer", [Answer.REFUSED, Answer.AMBIGUOUS, Answer.UNAVAILABLE])
def test_what_was_sent_once_never_goes_back_to_its_pool(world, answer):
    world.change(pool="gpus")
    world.engine.answers = [error(answer)]
    world.send()
    assert (world.handoff.target, world.row.target) == ("local", "local")


def test_too_many_ambiguous_answers_are_one_only_when_the_last_had_its_time_to_show(world):
    world.engine.answers = [error(Answer.AMBIGUOUS)] * MOST_ATTEMPTS
    for _ in range(MOST_ATTEMPTS):
        world.send(later=SETTLE_SECONDS)
    assert (world.handoff.state, world.engine.posts) == ("SUBMITTING", MOST_ATTEMPTS)
    world.send(later=SETTLE_SECONDS)
    assert (world.handoff.state, world.handoff.reason, world.engine.posts) == ("FAILED", "engine-says", MOST_ATTEMPTS)


def test_what_was_canceled_is_not_sent_again(world):
    world.engine.answers = [error(Answer.AMBIGUOUS)]
    world.send()
    world.change(cancel_asked=True)
    world.send(later=SETTLE_SECONDS / 2)
    assert world.handoff.state == "SUBMITTING"
    world.send(later=SETTLE_SECONDS / 2)
    assert (world.handoff.state, world.handoff.reason, world.engine.posts) == ("CANCELED", "asked", 1)


def test_settling_counts_from_the_answer_for_the_request_may_have_been_under_way_until_then(world):
    def slow(prepared: Prepared) -> str:
        with world.database.write() as session:  # as if the call had begun long ago
            session.scalars(select(OutboxRow)).one().sent_at -= SETTLE_SECONDS
        return real(prepared)

    world.engine.submit, real = slow, world.engine.submit
    world.engine.answers = [error(Answer.AMBIGUOUS)]
    world.send()
    world.send(later=SETTLE_SECONDS / 2)
    assert (world.handoff.state, world.engine.posts) == ("SUBMITTING", 1)


@pytest.mark.parametrize("answer", [Answer.AMBIGUOUS, Answer.REFUSED])
def test_an_answer_that_comes_after_another_worker_took_the_row_changes_nothing_of_it(world, answer):
    def overtaken(prepared: Prepared) -> str:
        with world.database.write() as session:
            row = session.scalars(select(OutboxRow)).one()
            row.leased_by, row.sent_at = "another", 12.0
        return real(prepared)

    world.engine.submit, real = overtaken, world.engine.submit
    world.engine.answers = [error(answer)]
    world.send()
    assert (world.row.leased_by, world.row.sent_at) == ("another", 12.0)
    assert world.row.leased_until > time.time()


def test_what_a_person_ended_meanwhile_is_not_begun_again(world):
    with world.database.write() as session:
        assert take(session, QUEUE, world.row.id, "we", time.time())
    with world.database.write() as session:
        handoff = session.get_one(Handoff, ID)
        transition(session, handoff, State.CANCELED, "asked")
        settle(session, ID)
    world.submission.submit(ID)
    assert (world.handoff.state, world.engine.posts) == ("CANCELED", 0)


def test_a_worker_whose_lease_another_one_has_sends_nothing(world):
    def lost(order: RunOrder) -> Prepared:
        with world.database.write() as session:
            session.scalars(select(OutboxRow)).one().leased_by = "another"
        return Prepared(order, "d" * 64)

    world.engine.prepare = lost
    world.send()
    assert (world.engine.posts, world.row.leased_by, world.handoff.attempts) == (0, "another", 0)


def test_every_reason_to_wait_is_an_event(world):
    world.engine.answers = [error(Answer.REFUSED), error(Answer.AMBIGUOUS)]
    world.send()
    world.send()
    with world.database.read() as session:
        said = [(event.event, event.reason) for event in session.scalars(select(Event).order_by(Event.id))]
    assert [item for item in said if item[0] == "postponed"] == [("postponed", "engine-says")] * 2


def withdraw_batch(world) -> None:
    with world.database.write() as session:
        session.get_one(Batch, "b").withdrawn_by = "w"


def test_what_is_withdrawn_while_its_run_is_made_ready_is_not_sent(world):
    def slow(order: RunOrder) -> Prepared:
        withdraw_batch(world)
        return Prepared(order, "d" * 64)

    world.engine.prepare = slow
    world.send()
    assert (world.engine.posts, world.handoff.state, world.handoff.reason) == (0, "REJECTED", "batch-withdrawn")
    assert world.row is None


def test_what_is_canceled_while_its_run_is_made_ready_is_not_sent(world):
    def slow(order: RunOrder) -> Prepared:
        cancel(world.database, ID)
        return Prepared(order, "d" * 64)

    world.engine.prepare = slow
    world.send()
    assert (world.engine.posts, world.handoff.state, world.row) == (0, "CANCELED", None)


def test_who_asks_again_ends_what_a_worker_that_is_gone_had_leased(world):
    with world.database.write() as session:
        session.scalars(select(OutboxRow)).one().leased_until = time.time() + 100.0
    cancel(world.database, ID)
    assert (world.handoff.state, world.handoff.cancel_asked) == ("ACCEPTED", True)
    with world.database.write() as session:
        session.scalars(select(OutboxRow)).one().leased_until = time.time() - 1.0
    cancel(world.database, ID)
    assert (world.handoff.state, world.row) == ("CANCELED", None)


@pytest.mark.parametrize("column", ["due_at", "leased_until"])
def test_a_row_is_taken_though_the_clock_was_put_back(world, column):
    day_ago = time.time() - 86_400.0
    with world.database.write() as session:
        setattr(session.scalars(select(OutboxRow)).one(), column, day_ago + 86_400.0)
    with world.database.read() as session:
        (due,) = due_rows(session, QUEUE, day_ago)
    with world.database.write() as session:
        assert take(session, QUEUE, due, "we", day_ago) is not None


def test_a_clock_that_was_put_back_makes_nobody_wait_longer_than_an_engine_takes_to_settle(world):
    world.engine.answers = [error(Answer.AMBIGUOUS), "run-2"]
    world.send()
    world.send(later=-86_400.0)
    assert world.row.sent_at <= time.time()
    world.send(later=SETTLE_SECONDS)
    assert (world.handoff.reference, world.engine.posts) == ("run-2", 2)
