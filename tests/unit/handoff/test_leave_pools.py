"""A target that fails leaves its pools to others, longer each time, and takes part again once it works."""

import itertools

import pytest

from handoff.handoffs.leave_pools import LeavePools


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("handoff.handoffs.leave_pools.time.monotonic", lambda: now[0])
    return now


def left_for(leave: LeavePools, clock: list[float]) -> float:
    """Seconds until it takes part again."""
    began = clock[0]
    return next(seconds for seconds in itertools.count(0.0, 0.5) if not _at(leave, clock, began + seconds))


def _at(leave: LeavePools, clock: list[float], moment: float) -> bool:
    clock[0] = moment
    return leave.now()


def test_it_leaves_them_longer_each_time_but_never_for_ever(clock):
    leave, pauses = LeavePools(), []
    for _ in range(12):
        leave.learn(works=False)
        pauses.append(left_for(leave, clock))
    assert pauses[0] <= 2
    assert 30 <= pauses[-1] <= 60


def test_one_that_works_takes_part_at_once(clock):
    leave = LeavePools()
    leave.learn(works=False)
    leave.learn(works=True)
    assert not leave.now()
