"""Somebody deletes the folder of a sealed delivery: it waits for a person, is told, and is announced no more."""

import shutil
from pathlib import Path

import pytest
from pydicom.uid import generate_uid

from processors.delivery.errors import StillHeldError
from processors.delivery.flowfile import Outcome, Reference
from processors.delivery.held import Held, release, waiting
from processors.delivery.route import route
from processors.delivery.treat import treat
from processors.errors import ProcessorsError
from processors.landing.errors import DeliveryUnreadableError
from processors.ledger import troubles
from processors.ledger.reconcile import reconcile
from tests.unit.delivery.trusted_home import RELEASE, TrustedHome, ct, reference

_ALL_OF_ITS_TIME = 10**6


def delete(home: TrustedHome, delivery_id: str) -> Path:
    """Delete a delivery's folder; returns where a person has a copy."""
    folder = home.place.layout.delivery(delivery_id)
    copy = home.root / "backup" / delivery_id
    shutil.copytree(folder, copy)
    shutil.rmtree(folder)
    return copy


def routed(home: TrustedHome) -> Outcome:
    return route(home.place, reference(home.announcer().next(0)), RELEASE)


def held(home: TrustedHome) -> list[Held]:
    return waiting(home.place.ledger)


def test_it_is_parked_and_never_announced_again(home: TrustedHome) -> None:
    delivery_id = home.seal([ct(generate_uid(), generate_uid())])
    delete(home, delivery_id)
    announcer = home.announcer()
    outcome = route(home.place, reference(announcer.next(0)), RELEASE)
    assert (outcome.relationship, outcome.attributes) == ("parked", {"reason": "held:files-missing"})
    home.clock.now += _ALL_OF_ITS_TIME
    assert announcer.next(0) is None
    assert [(each.kind, each.id, each.reason) for each in held(home)] == [
        ("delivery", delivery_id, "held:files-missing")
    ]


def test_the_doctor_and_reconciling_name_it(home: TrustedHome) -> None:
    delivery_id = home.seal([ct(generate_uid(), generate_uid()), ct(generate_uid(), generate_uid())])
    delete(home, delivery_id)
    routed(home)
    [told] = troubles.newest(home.place.ledger)
    assert (told.trouble.cause, told.trouble.calling_ae, told.trouble.detail) == (
        "files-missing",
        "SCANNER9",
        f"2 objects, delivery {delivery_id}",
    )
    found = reconcile(home.place.layout.root, home.place.site.ledger, pause=lambda _: None)
    assert (delivery_id, "not-in-landing", "2 objects") in [(g.subject, g.kind, g.detail) for g in found.gaps]
    assert found.states["held"] == 2


def test_what_comes_after_it_goes_on(home: TrustedHome) -> None:
    delete(home, home.seal([ct(generate_uid(), generate_uid())]))
    there = home.seal([ct(generate_uid(), generate_uid())])
    announcer = home.announcer()
    outcomes = [route(home.place, reference(announcer.next(0)), RELEASE) for _ in range(2)]
    assert sorted(outcome.relationship for outcome in outcomes) == ["parked", "success"]
    assert home.rows("SELECT state FROM deliveries WHERE id = ?", there) == [("routed",)]


def test_one_that_was_routed_before_is_held_when_it_is_treated(home: TrustedHome) -> None:
    delivery_id = home.seal([ct(generate_uid(), generate_uid())])
    announcer = home.announcer()
    [entry] = home.route(reference(announcer.next(0)))
    delete(home, delivery_id)
    outcome = treat(home.place, Reference.read(entry), home.pool)
    assert (outcome.relationship, outcome.attributes) == ("quarantine", {"reason": "files-missing"})
    assert home.rows("SELECT state, reason, attempts FROM shipments") == [("parked", "held:files-missing", 0)]
    home.clock.now += _ALL_OF_ITS_TIME
    assert announcer.next(0) is None


def test_a_package_that_went_with_its_folder_is_held_too(home: TrustedHome) -> None:
    delivery_id = home.seal([ct(generate_uid(), generate_uid())])
    announcer = home.announcer()
    entry = home.treat(home.route(reference(announcer.next(0)))[0])
    delete(home, delivery_id)
    assert treat(home.place, Reference.read(entry), home.pool).relationship == "quarantine"
    assert home.rows("SELECT state, reason FROM shipments") == [("parked", "held:files-missing")]


@pytest.mark.parametrize("is_routed", [False, True])
def test_it_goes_on_once_its_folder_is_back_and_no_sooner(home: TrustedHome, *, is_routed: bool) -> None:
    delivery_id = home.seal([ct(generate_uid(), generate_uid())])
    announcer = home.announcer()
    announcement = reference(announcer.next(0))
    if is_routed:
        [entry] = home.route(announcement)
    copy = delete(home, delivery_id)
    if is_routed:
        treat(home.place, Reference.read(entry), home.pool)
    else:
        route(home.place, announcement, RELEASE)
    [one] = held(home)
    with pytest.raises(ProcessorsError) as refused:
        release(home.place, one, "a person")
    assert isinstance(refused.value, DeliveryUnreadableError | StillHeldError)
    shutil.copytree(copy, home.place.layout.delivery(delivery_id))
    release(home.place, one, "a person")
    assert len(home.deliver(reference(announcer.next(0)))) == 1


def test_a_landing_that_is_not_there_at_all_parks_nothing(home: TrustedHome) -> None:
    """A disk that is not mounted for a moment has lost nothing."""
    home.seal([ct(generate_uid(), generate_uid())])
    announcement = home.announcer().next(0)
    assert announcement is not None
    deliveries = home.place.layout.deliveries
    deliveries.rename(deliveries.with_name("elsewhere"))
    with pytest.raises(DeliveryUnreadableError):
        route(home.place, reference(announcement), RELEASE)
    assert home.rows("SELECT state FROM deliveries") == [("seen",)]
