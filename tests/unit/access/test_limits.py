"""Buckets that fill with time, and what counts as one sender."""

import pytest

from handoff.access.limits import Buckets, neighbourhood


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_let_through_and_then_an_average():
    clock = Clock()
    buckets = Buckets(per_second=2, burst=3, clock=clock)
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 0]
    assert buckets.take("a") == 0.5  # 1 missing / 2 a second
    clock.now += 0.5
    assert buckets.take("a") == 0
    assert buckets.take("a") > 0


def test_an_idle_name_saves_up_no_more_than_a_burst():
    clock = Clock()
    buckets = Buckets(per_second=2, burst=3, clock=clock)
    buckets.take("a")
    clock.now += 1e6
    assert [buckets.take("a") == 0 for _ in range(4)] == [True, True, True, False]


def test_one_name_takes_nothing_from_another():
    buckets = Buckets(per_second=1, burst=1, clock=Clock())
    assert buckets.take("a") == 0
    assert buckets.take("b") == 0


def test_invented_names_cost_no_memory():
    buckets = Buckets(per_second=1, burst=1, most=100, clock=Clock())
    for number in range(1000):
        buckets.take(str(number))
    assert len(buckets._left) == 100


@pytest.mark.parametrize(
    ("address", "sender"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("testclient", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_sender_is_one_address_or_what_a_site_has_of_them(address, sender):
    assert neighbourhood(address) == sender
