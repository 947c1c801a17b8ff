"""What is announced, when, and how often."""

import os
import threading
import time

import pytest
from pydicom.uid import generate_uid

from processors.delivery.announce import Announcer, holder_of
from processors.delivery.flowfile import Reference
from processors.delivery.route import route
from processors.landing.errors import LandingTakenError
from processors.landing.notify import Notifier
from tests.unit.delivery.trusted_home import RELEASE, TrustedHome, ct, reference


def one(home: TrustedHome) -> str:
    return home.seal([ct(generate_uid(), generate_uid())])


def test_an_announcement_that_nobody_saw_for_60_s_is_repeated_with_the_next_number(home: TrustedHome) -> None:
    one(home)
    announcer = home.announcer()
    assert announcer.next(0).n == 1
    home.clock.now += 59
    assert announcer.next(0) is None
    home.clock.now += 1
    assert announcer.next(0).n == 2


def test_a_seen_delivery_is_repeated_only_when_its_lease_of_an_hour_runs_out(home: TrustedHome) -> None:
    one(home)
    announcer = home.announcer()
    home.route(reference(announcer.next(0)))
    home.clock.now += 3599
    assert announcer.next(0) is None
    home.clock.now += 1
    assert announcer.next(0).n == 2


def test_an_older_announcement_is_superseded_at_every_station(home: TrustedHome) -> None:
    one(home)
    announcer = home.announcer()
    old = reference(announcer.next(0))
    [entry] = home.route(old)
    home.clock.now += 3600
    new = reference(announcer.next(0))

    assert route(home.place, old, RELEASE).relationship == "superseded"
    from processors.delivery.treat import treat

    assert treat(home.place, Reference.read(entry), home.pool).relationship == "superseded"
    from processors.delivery.confirm import Answer

    assert home.confirm(entry, Answer(201, "")).relationship == "superseded"
    [sent] = home.deliver(new)
    assert home.confirm(sent, Answer(201, "")).attributes["reason"] == "settled"


def test_a_new_process_announces_at_once_whatever_is_not_settled(home: TrustedHome) -> None:
    first, second = one(home), one(home)
    announcer = home.announcer()
    home.deliver(reference(announcer.next(0)))
    home.route(reference(announcer.next(0)))
    announcer.close()
    home.place.announcer_started = False

    again = home.announcer().next(0)
    assert (again.id, again.n) == (second, 2)
    assert home.rows("SELECT state FROM deliveries WHERE id = ?", first) == [("terminal",)]


def test_stopping_and_starting_within_a_process_repeats_nothing(home: TrustedHome) -> None:
    one(home)
    announcer = home.announcer()
    home.route(reference(announcer.next(0)))
    announcer.close()
    assert home.announcer().next(0) is None


def test_a_second_announcer_is_refused_and_told_who_holds_the_landing(home: TrustedHome) -> None:
    with home.announcer()._open:
        with pytest.raises(LandingTakenError, match=f"process {os.getpid()}"):
            Announcer(home.place)
        assert holder_of(home.root) is None


def test_many_deliveries_are_announced_once_each_in_the_order_of_sealing(home: TrustedHome) -> None:
    ids = []
    study, series = generate_uid(), generate_uid()
    slice_ = ct(study, series)
    for _ in range(150):
        home.clock.now += 1
        ids.append(home.seal([slice_]))
    announcer = home.announcer()
    announced = [announcer.next(0) for _ in ids]
    assert [each.id for each in announced] == ids
    assert announcer.next(0) is None


def test_waiting_costs_nothing_and_a_byte_from_the_receiver_ends_it(home: TrustedHome) -> None:
    home.place.clock = time.time
    announcer = home.announcer()
    before = time.thread_time()
    assert announcer.next(2.0) is None
    assert time.thread_time() - before < 0.5

    receiver = threading.Timer(0.1, _seal_and_notify, [home])
    receiver.start()
    assert announcer.next(200.0) is not None
    receiver.join()


def _seal_and_notify(home: TrustedHome) -> None:
    one(home)
    notifier = Notifier(home.place.layout.notify)
    notifier.notify()
    notifier.close()
    home.place.close()


def test_a_failure_is_announced_again_after_a_pause_that_grows(home: TrustedHome) -> None:
    from processors.ledger import announcements

    id_ = one(home)
    announcer = home.announcer()
    pauses = []
    for n in range(1, 10):
        assert announcer.next(0).n == n
        announcements.try_again(home.place.ledger, "delivery", id_, n, "enospc", home.clock())
        [(due,)] = home.rows("SELECT due_at FROM deliveries")
        pauses.append(due - home.clock())
        home.clock.now = due
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]
