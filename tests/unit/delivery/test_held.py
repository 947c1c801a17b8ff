"""What waits for a person in the landing, and what that person's word does."""

from collections.abc import Callable

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from processors.delivery import held
from processors.delivery.confirm import Answer
from processors.delivery.errors import NotHeldError, StillHeldError
from processors.delivery.held import Held
from processors.delivery.retention import sweep
from processors.delivery.route import route
from processors.delivery.treat import treat
from processors.landing.retention import DAY_SECONDS
from processors.ledger import accounts
from processors.ledger.backlog import backlog
from processors.ledger.gaps import in_ledger
from tests.unit.delivery.trusted_home import RELEASE, RULES, TrustedHome, ct, reference

MakeHome = Callable[..., TrustedHome]
MR_ONLY = RULES.replace("{modality: CT}", "{modality: MR}")


def one(**changes: object) -> Dataset:
    return ct(generate_uid(), generate_uid(), **changes)


def announce_and_route(home: TrustedHome) -> str:
    announcer = home.announcer()
    try:
        return route(home.place, reference(announcer.next(0)), RELEASE).relationship
    finally:
        announcer.close()


def deliver_next(home: TrustedHome) -> None:
    announcer = home.announcer()
    try:
        home.deliver(reference(announcer.next(0)))
    finally:
        announcer.close()


def waiting(home: TrustedHome) -> list[Held]:
    return held.waiting(home.place.ledger)


def unmatched(home: TrustedHome) -> Held:
    home.seal([one()])
    assert announce_and_route(home) == "parked"
    [found] = waiting(home)
    assert (found.kind, found.reason, found.calling_ae, found.instances) == ("delivery", "unmatched", "SCANNER9", 1)
    return found


def rejected(home: TrustedHome) -> Held:
    home.seal([one()])
    announcer = home.announcer()
    [entry] = home.route(reference(announcer.next(0)))
    announcer.close()
    home.confirm(home.treat(entry), Answer(409, ""))
    [found] = waiting(home)
    assert (found.kind, found.reason) == ("shipment", "rejected:conflict")
    return found


def withheld(home: TrustedHome) -> Held:
    home.seal([one(NumberOfFrames=2)])
    announcer = home.announcer()
    [entry] = home.route(reference(announcer.next(0)))
    announcer.close()
    from processors.delivery.flowfile import Reference

    assert treat(home.place, Reference.read(entry), home.pool).relationship == "quarantine"
    [found] = waiting(home)
    assert (found.kind, found.reason) == ("withheld", "withheld")
    return found


def unknown_caller(home: TrustedHome) -> Held:
    home.seal([one()], hold="unknown-caller")
    assert announce_and_route(home) == "parked"
    [found] = waiting(home)
    assert found.reason == "held:unknown-caller"
    return found


def junk_identity(home: TrustedHome) -> Held:
    home.seal([one(PatientID="UNKNOWN")])
    assert announce_and_route(home) == "parked"
    [found] = waiting(home)
    assert found.kind == "delivery"
    assert found.reason.startswith("held:")
    return found


def trail(home: TrustedHome, subject: str, event: str) -> list[object]:
    return [row[0] for row in home.rows("SELECT detail FROM events WHERE subject = ? AND event = ?", subject, event)]


def test_what_no_rule_wanted_is_routed_once_the_rules_want_it(make_home: MakeHome) -> None:
    home = make_home(rules=MR_ONLY)
    found = unmatched(home)
    (home.root / "rules.yaml").write_text(RULES)
    held.release(home.place, found, "ada")
    assert waiting(home) == []
    deliver_next(home)
    assert accounts.count(home.place.ledger)["confirmed"] == 1
    assert trail(home, found.id, "released") == ["ada: unmatched"]


def test_what_the_rules_still_do_not_want_waits_again(make_home: MakeHome) -> None:
    home = make_home(rules=MR_ONLY)
    held.release(home.place, unmatched(home), "ada")
    assert announce_and_route(home) == "parked"
    assert [each.reason for each in waiting(home)] == ["unmatched"]


def test_what_an_unknown_caller_sent_is_routed(home: TrustedHome) -> None:
    held.release(home.place, unknown_caller(home), "ada")
    deliver_next(home)
    assert accounts.count(home.place.ledger)["confirmed"] == 1


def test_a_refused_package_is_sent_again_as_it_was(home: TrustedHome) -> None:
    found = rejected(home)
    before = home.rows("SELECT package_sha256 FROM shipments")
    held.release(home.place, found, "ada")
    deliver_next(home)
    assert home.rows("SELECT package_sha256 FROM shipments") == before
    assert home.rows("SELECT state FROM deliveries") == [("terminal",)]
    assert accounts.count(home.place.ledger)["confirmed"] == 1


def test_an_unclear_identity_is_not_made_clear_by_a_word(home: TrustedHome) -> None:
    found = junk_identity(home)
    with pytest.raises(StillHeldError):
        held.release(home.place, found, "ada")
    assert waiting(home) == [found]


def test_what_was_withheld_is_not_let_through_by_a_word(home: TrustedHome) -> None:
    found = withheld(home)
    with pytest.raises(StillHeldError):
        held.release(home.place, found, "ada")
    assert waiting(home) == [found]


@pytest.mark.parametrize("make", [unmatched, rejected, withheld, unknown_caller, junk_identity])
def test_what_is_ended_is_discarded_with_its_reason_and_leaves_after_its_days(
    make_home: MakeHome, make: Callable[[TrustedHome], Held]
) -> None:
    home = make_home(rules=MR_ONLY if make is unmatched else RULES)
    found = make(home)
    folder = home.place.delivery_folder(found.delivery_id)
    held.end(home.place, found, "test scans", "ada")
    assert waiting(home) == []
    assert {state: number for state, number in accounts.count(home.place.ledger).items() if number} == {"discarded": 1}
    assert trail(home, found.id, "discarded") == [f"ada: test scans; was {found.reason}"]
    home.clock.now += 7 * DAY_SECONDS - 1
    assert sweep(home.place) == 0
    home.clock.now += 2
    assert sweep(home.place) == 1
    assert not list(folder.glob("*.dcm"))
    home.end()
    assert list(in_ledger(home.place.ledger)) == []
    assert backlog(home.place.ledger).oldest_sealed_at is None, "the receiver must not refuse for what has ended"


def test_the_withheld_original_goes_though_the_rest_of_its_delivery_went_before(home: TrustedHome) -> None:
    study, series = generate_uid(), generate_uid()
    home.seal([ct(study, series), ct(study, series, NumberOfFrames=2)])
    deliver_next(home)
    home.clock.now += 8 * DAY_SECONDS
    sweep(home.place)
    [found] = waiting(home)
    folder = home.place.delivery_folder(found.delivery_id)
    assert [file.name for file in folder.glob("*.dcm")] == ["000002.dcm"]
    held.end(home.place, found, "annotated", "ada")
    home.clock.now += 8 * DAY_SECONDS
    sweep(home.place)
    assert not list(folder.glob("*.dcm"))


@pytest.mark.parametrize("act", [held.release, lambda *said: held.end(*said, "bob")])
def test_only_the_first_word_counts(make_home: MakeHome, act: Callable[..., None]) -> None:
    home = make_home(rules=MR_ONLY)
    found = unmatched(home)
    held.end(home.place, found, "nobody wants it", "ada")
    with pytest.raises(NotHeldError):
        act(home.place, found, "bob")
