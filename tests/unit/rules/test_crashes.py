"""A crash at any point of a firing, before or after any of its commits, costs nothing and doubles nothing."""

from contextlib import contextmanager

import pytest

from handoff.database.tables import PipelineVersion
from tests.unit.rules.site import rule


class Crash(BaseException):
    """The process is gone."""


class Dying:
    """A database of a process that dies at one of its commits, before or after it."""

    def __init__(self, database, at: int, *, after: bool) -> None:
        self._database = database
        self._left = at
        self._after = after
        self.read, self.writer = database.read, database.writer

    @contextmanager
    def write(self):
        with self._database.write() as session:
            yield session
            self._left -= 1
            if self._left == 0 and not self._after:
                raise Crash
        if self._left == 0:
            raise Crash


def run_until_it_dies(here, at: int, *, after: bool) -> bool:
    """Whether it died, in a run that would else have gone to the end."""
    keeper = here.keeper(Dying(here.database, at, after=after))
    try:
        here.look(keeper)
        here.end_runs()
        here.look(keeper)
    except Crash:
        return True
    return False


@pytest.mark.parametrize("after", [False, True], ids=["before the commit", "after the commit"])
def test_a_crash_at_any_commit_of_a_firing_leaves_one_run_of_each_kind(site, after):
    """Claim, decision, batch, preparing, claim again, what follows: each is died at once, then another goes on."""
    died = 0
    for at in range(1, 20):
        here = site(each=rule("study"))
        here.close_study("1.1")
        if not run_until_it_dies(here, at, after=after):
            break
        died += 1
        for _ in range(2):
            here.now += 200
            here.look()
            here.end_runs()
        here.look()
        assert (here.runs(), here.firings()) == ({"prepare": 1, "train": 1}, [("fired", None)]), at
    assert died >= 6


@pytest.mark.parametrize("after", [False, True], ids=["before the commit", "after the commit"])
def test_a_crash_while_studies_are_counted_neither_loses_one_nor_counts_it_twice(site, after):
    for at in range(1, 6):
        here = site(two=rule("studies", count=2, then=None))
        here.close_study("1.1")
        here.close_study("1.2")
        run_until_it_dies(here, at, after=after)
        here.now += 200
        here.look()
        assert here.runs() == {"prepare": 1}, at
        assert [state for state, _ in here.firings()] == ["taken", "taken", "fired"], at


def test_what_a_newer_pipeline_or_another_batch_would_change_is_not_decided_again(site):
    """Batch and handoff stand in the firing's own transaction; a newer version of the pipeline comes too late."""
    here = site(each=rule("study"))
    here.close_study("1.1")
    run_until_it_dies(here, 3, after=True)
    with here.database.write() as session:
        inputs = {name: {"type": "STRING"} for name in ("batch_uri", "handoff_key", "result_uri")}
        facts = {"yaml_digest": "1" * 64, "code_digest": "1" * 64, "registered_at": 9.0, "local_too": True}
        session.add(PipelineVersion(id="9" * 64, name="prepare", inputs=inputs, **facts))
    for _ in range(3):
        here.now += 200
        here.look()
        here.end_runs()
    assert here.runs() == {"prepare": 1, "train": 1}
