"""Replicas on PostgreSQL: each occasion is acted on once, whoever looks, and however they meet."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import func, select

from handoff.database.tables import Handoff, RuleFiring
from tests.unit.rules.site import rule

pytestmark = pytest.mark.integration
STUDIES = 6


def at_once(*works) -> None:
    """Do this in threads that begin together."""
    barrier = threading.Barrier(len(works))

    def work(one) -> None:
        barrier.wait()
        one()

    with ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(work, one) for one in works]:
            done.result()


def keepers(here, number: int = 3):
    return [partial(here.look, here.keeper()) for _ in range(number)]


def test_each_study_is_acted_on_once_by_whichever_replica(site):
    here = site(each=rule("study"))
    for number in range(STUDIES):
        here.close_study(f"1.{number}")
    for _ in range(3):
        at_once(*keepers(here))
        here.end_runs()
    assert here.runs() == {"prepare": STUDIES, "train": STUDIES}
    assert here.firings() == [("fired", None)] * STUDIES


def test_replicas_that_take_up_one_firing_at_one_time_start_one_run(site):
    """As when a lease ran out under a slow one: whoever is second finds the batch and the handoff of the first."""
    here = site(each=rule("study"))
    here.close_study("1.1")
    with here.database.read() as session:
        firing = session.scalars(select(RuleFiring.id)).one()

    def all_steps() -> None:
        deciding = here.keeper().deciding
        while deciding.step(firing, here.now):
            pass

    at_once(*[all_steps] * 6)
    here.end_runs()
    at_once(*[all_steps] * 6)
    assert here.runs() == {"prepare": 1, "train": 1}


def test_studies_that_close_while_others_are_counted_are_each_counted_once(site):
    here = site(four=rule("studies", count=4, then=None))

    def close_some(first: int) -> None:
        for number in range(first, first + 6):
            here.close_study(f"1.{number}")

    at_once(lambda: close_some(0), lambda: close_some(6), *keepers(here))
    at_once(*keepers(here))
    with here.database.read() as session:
        counted = select(RuleFiring.state, func.count()).group_by(RuleFiring.state)
        states = {state: number for state, number in session.execute(counted)}  # noqa: C416
    assert states.get("taken", 0) + states.get("counted", 0) == 12
    assert states["fired"] <= 3
    assert states.get("counted", 0) < 4


def test_the_most_of_a_day_holds_for_all_replicas_together(site):
    here = site(each=rule("study", then=None, at_most_per_day=3))
    for number in range(STUDIES):
        here.close_study(f"1.{number}")
    at_once(*keepers(here))
    assert here.runs() == {"prepare": 3}


def test_a_time_that_comes_to_all_replicas_at_once_fires_once(site):
    here = site(hourly=rule("schedule", cron="@hourly", then=None))
    here.close_study("1.1")
    replicas = [here.keeper() for _ in range(4)]
    [here.look(keeper) for keeper in replicas]
    here.now += 3600
    at_once(*[partial(here.look, keeper) for keeper in replicas])
    assert here.firings() == [("skipped", "before-the-rule"), ("fired", None)]


def test_rules_that_decide_the_same_at_one_time_make_one_run(site):
    here = site(first=rule("study"), second=rule("study"), third=rule("study"))
    for number in range(2):
        here.close_study(f"1.{number}")
    for _ in range(3):
        at_once(*keepers(here))
        here.end_runs()
    assert here.runs() == {"prepare": 2, "train": 2}
    with here.database.read() as session:
        keys = select(func.count(func.distinct(Handoff.key)))
        assert session.scalar(keys) == 4
    assert sorted(here.firings(), key=str) == [("fired", "already-ran")] * 4 + [("fired", None)] * 2
