"""A pace makes a peer wait; a day's amount refuses it. Neither is shaken by a clock that jumps."""

from processors.dicom.allowance import LONGEST_WAIT_SECONDS, Allowance


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_without_limits_nobody_waits() -> None:
    allowance = Allowance()
    assert [allowance.came(10**9) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert not allowance.used_up()


def test_objects_wait_for_the_pace() -> None:
    allowance = Allowance(objects_per_second=4, clock=Clock())
    assert [allowance.came(1) for _ in range(3)] == [0.0, 0.25, 0.5]


def test_bytes_wait_for_the_pace_too_whichever_is_slower() -> None:
    allowance = Allowance(objects_per_second=4, bytes_per_second=1000, clock=Clock())
    assert [allowance.came(500), allowance.came(100), allowance.came(100)] == [0.0, 0.5, 0.75]


def test_who_was_slow_meanwhile_waits_no_more() -> None:
    clock = Clock()
    allowance = Allowance(objects_per_second=1, clock=clock)
    allowance.came(1)
    clock.now += 60
    assert allowance.came(1) == 0.0


def test_no_answer_waits_longer_than_a_sender_bears() -> None:
    allowance = Allowance(bytes_per_second=1, clock=Clock())
    assert [allowance.came(10**6), allowance.came(1)] == [0.0, LONGEST_WAIT_SECONDS]


def test_a_clock_that_jumps_back_makes_nobody_wait_for_the_jump() -> None:
    clock = Clock()
    allowance = Allowance(objects_per_second=1, clock=clock)
    allowance.came(1)
    clock.now -= 86400
    assert allowance.came(1) <= LONGEST_WAIT_SECONDS


def test_a_day_that_is_used_up_begins_anew_at_midnight() -> None:
    clock = Clock()
    allowance = Allowance(bytes_per_day=100, clock=clock)
    allowance.came(99)
    assert not allowance.used_up()
    allowance.came(99)
    assert allowance.used_up()
    clock.now += 86400
    assert not allowance.used_up()
