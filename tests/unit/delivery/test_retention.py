"""What leaves the landing, when, and what never does without a person's word."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from processors.delivery import retention
from processors.delivery.announce import REST_SECONDS
from processors.delivery.flowfile import Reference, because
from processors.delivery.retention import ripe, standing, sweep
from processors.delivery.treat import treat
from processors.delivery.workplace import Workplace
from processors.landing.delivery import read_delivery
from processors.landing.durable import write_whole
from processors.landing.retention import DAY_SECONDS, retention_until
from processors.ledger import repair, variants
from processors.ledger.gaps import in_landing
from processors.ledger.promises import promise
from processors.ledger.schema import transaction
from tests.unit.delivery.trusted_home import RULES, TrustedHome, ct, reference

MakeHome = Callable[..., TrustedHome]
YEAR = 365 * DAY_SECONDS


def one() -> Dataset:
    return ct(generate_uid(), generate_uid())


def delivered(home: TrustedHome, datasets: list[Dataset], peer: str | None = None, revision: int = 1) -> Path:
    """A delivery from `peer` that the handoff has confirmed; returns its folder."""
    delivery = home.seal(datasets, revision=revision)
    folder = home.place.delivery_folder(delivery)
    said = read_delivery(folder)
    write_whole(folder / "delivery.json", said.model_copy(update={"sender": peer}).to_json())
    announcer = home.announcer()
    try:
        home.deliver(reference(announcer.next(0)))
    finally:
        announcer.close()
    return folder


def originals(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.glob("*.dcm"))


@pytest.mark.parametrize("stage", ["sealed", "routed", "packaged"])
def test_nothing_goes_before_the_receipt_however_old_it_is(make_home: MakeHome, stage: str) -> None:
    home = make_home(site="retention: {originals_days: 0}")
    folder = home.place.delivery_folder(home.seal([one()]))
    if stage != "sealed":
        [entry] = home.route(reference(home.announcer().next(0)))
        if stage == "packaged":
            home.treat(entry)
    home.clock.now += 10 * YEAR
    assert list(ripe(home.place)) == []
    assert sweep(home.place) == 0
    assert originals(folder) == ["000001.dcm"]


def test_what_no_rule_wanted_stays_however_old_it_is(make_home: MakeHome) -> None:
    home = make_home(rules=RULES.replace("{modality: CT}", "{modality: MR}"), site="retention: {originals_days: 0}")
    folder = home.place.delivery_folder(home.seal([one()]))
    from processors.delivery.route import route

    assert route(home.place, reference(home.announcer().next(0)), "").relationship == "parked"
    home.clock.now += 10 * YEAR
    assert sweep(home.place) == 0
    assert originals(folder) == ["000001.dcm"]


def test_each_peer_has_its_days_and_the_others_have_the_sites(make_home: MakeHome) -> None:
    home = make_home(site="retention: {originals_days: 7, peers: {ct1: 30, us1: 1}}")
    folders = {peer: delivered(home, [one()], peer) for peer in ("us1", "mr1", "ct1")}
    gone_after = {}
    for day in range(40):
        sweep(home.place)
        for peer, folder in folders.items():
            if not originals(folder):
                gone_after.setdefault(peer, day)
        home.clock.now += DAY_SECONDS
    assert gone_after == {"us1": 1, "mr1": 7, "ct1": 30}


def test_a_rule_of_the_routing_can_ask_for_longer(make_home: MakeHome) -> None:
    home = make_home(site="retention: {originals_days: 0.5, rules: {all CT: 365}}")
    folder = delivered(home, [one()])
    home.clock.now += YEAR - 1
    assert sweep(home.place) == 0
    home.clock.now += 2
    assert sweep(home.place) == 1
    assert originals(folder) == []


def test_many_that_must_stay_do_not_keep_later_ones_from_going(make_home: MakeHome) -> None:
    home = make_home(site="retention: {originals_days: 1, peers: {ct1: 365}}")
    delivered(home, [one()], "ct1")
    folder = delivered(home, [one()])
    home.clock.now += 2 * DAY_SECONDS
    assert sweep(home.place, most=1) == 1
    assert originals(folder) == []


def test_what_one_sweep_leaves_goes_seconds_later_and_not_ten_minutes(
    make_home: MakeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 1)
    monkeypatch.setattr(retention, "sweep", lambda place: sweep(place, most=1))
    home = make_home(site="retention: {originals_days: 1}")
    folders = [delivered(home, [one()]) for _ in range(3)]
    home.clock.now += 2 * DAY_SECONDS
    announcer = home.announcer()
    left = []
    for _ in range(4):
        announcer.next(0)
        left.append(sum(len(originals(folder)) for folder in folders))
        home.clock.now += REST_SECONDS
    announcer.close()
    assert left == [2, 1, 0, 0]


@pytest.mark.parametrize("days", [0, 30], ids=["originals-gone", "originals-here"])
def test_what_was_confirmed_is_confirmed_by_its_receipt_when_the_ledger_is_made_anew(
    make_home: MakeHome, days: int
) -> None:
    home = make_home(site=f"retention: {{originals_days: {days}}}")
    folder = delivered(home, [one(), one()])
    shipped = "SELECT id, state, package_sha256, package_size, treatment, passed, withheld, receipt FROM shipments"
    before, left = home.rows(shipped), originals(folder)
    lost = home.place.site.ledger
    home.place.close()
    for file in lost.parent.glob(f"{lost.name}*"):
        file.unlink()
    repair.rebuild(home.place.site.landing, lost)
    home.place = Workplace(home.place.site, home.clock)
    announcer = home.announcer()
    [entry] = home.route(reference(announcer.next(0)))
    assert treat(home.place, Reference.read(entry), home.pool) == because("superseded", "confirmed")
    announcer.close()
    assert home.rows(shipped) == before
    assert home.rows("SELECT state, removed_at IS NULL FROM deliveries") == [("terminal", bool(days))]
    assert originals(folder) == left
    gaps = {gap.kind for gap in in_landing(home.place.layout, home.place.ledger, receiver_runs=False)}
    assert left or "files-missing" not in gaps


def test_a_promise_to_the_sender_holds_after_the_settings_became_shorter(make_home: MakeHome) -> None:
    home = make_home(site="retention: {originals_days: 0.1}")
    folder = delivered(home, [one()])
    with transaction(home.place.ledger) as ledger:
        promise(ledger, folder.name, home.clock() + 50 * DAY_SECONDS, home.clock())
    home.clock.now += 49 * DAY_SECONDS
    assert sweep(home.place) == 0
    home.clock.now += 2 * DAY_SECONDS
    assert sweep(home.place) == 1


def test_a_promise_that_comes_between_the_look_and_the_removal_holds(
    make_home: MakeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    from processors.delivery import retention

    home = make_home(site="retention: {originals_days: 1}")
    folder = delivered(home, [one()])
    home.clock.now += 2 * DAY_SECONDS
    seen = list(ripe(home.place))
    assert len(seen) == 1
    with transaction(home.place.ledger) as ledger:
        promise(ledger, folder.name, home.clock() + DAY_SECONDS, home.clock())
    monkeypatch.setattr(retention, "ripe", lambda *_: iter(seen))
    assert sweep(home.place) == 0
    assert len(originals(folder)) == 1


def test_the_date_that_is_told_is_the_date_that_holds(make_home: MakeHome) -> None:
    home = make_home(site="retention: {originals_days: 3}")
    folder = delivered(home, [one()], "ct1")
    until = retention_until(standing(home.place, folder.name), home.place.site.retention)
    home.clock.now = until - 1
    assert sweep(home.place) == 0
    home.clock.now = until
    assert sweep(home.place) == 1


def test_a_delivery_whose_sender_cannot_be_read_stays(make_home: MakeHome) -> None:
    home = make_home(site="retention: {originals_days: 1}")
    folder = delivered(home, [one()])
    (folder / "delivery.json").write_text("{")
    home.clock.now += YEAR
    assert sweep(home.place) == 0
    assert originals(folder) == ["000001.dcm"]


def changed(dataset: Dataset, description: str) -> Dataset:
    again = Dataset()
    again.update(dataset)
    again.file_meta = dataset.file_meta
    again.SeriesDescription = description
    return again


def test_all_versions_stay_until_somebody_says_which_counts(make_home: MakeHome) -> None:
    home = make_home(site="retention: {originals_days: 1}")
    first = one()
    other = ct(first.StudyInstanceUID, first.SeriesInstanceUID)
    folders = [delivered(home, [first, other]), delivered(home, [changed(first, "again")], revision=2)]
    home.clock.now += YEAR
    sweep(home.place)
    assert [originals(folder) for folder in folders] == [["000001.dcm"], ["000001.dcm"]]
    uid = first.SOPInstanceUID
    assert list(variants.uids(home.place.ledger)) == [uid]
    found = variants.of_uid(home.place.ledger, uid)
    assert found is not None
    with transaction(home.place.ledger) as ledger:
        variants.decide(ledger, found, variants.Decision(2, 2, "somebody", "corrected", home.clock()))
    assert list(variants.uids(home.place.ledger)) == []
    assert sweep(home.place) == 2
    assert [originals(folder) for folder in folders] == [[], []]


def test_a_version_that_comes_after_the_decision_opens_the_question_again(home: TrustedHome) -> None:
    first = one()
    home.seal([first])
    home.seal([changed(first, "two")], revision=2)
    found = variants.of_uid(home.place.ledger, first.SOPInstanceUID)
    assert found is not None
    with transaction(home.place.ledger) as ledger:
        variants.decide(ledger, found, variants.Decision(1, 2, "somebody", "the first is right", home.clock()))
    decided = variants.of_uid(home.place.ledger, first.SOPInstanceUID)
    assert decided is not None
    assert (decided.is_decided, decided.counts) == (True, 1)
    home.seal([changed(first, "three")], revision=3)
    later = variants.of_uid(home.place.ledger, first.SOPInstanceUID)
    assert later is not None
    assert (later.is_decided, later.counts) == (False, 3)


def test_a_site_can_say_that_the_newest_counts(make_home: MakeHome) -> None:
    home = make_home(site="retention: {originals_days: 1, variants: newest}")
    first = one()
    folders = [delivered(home, [first]), delivered(home, [changed(first, "again")], revision=2)]
    home.clock.now += YEAR
    assert sweep(home.place) == 2
    assert [originals(folder) for folder in folders] == [[], []]


def test_what_a_crash_left_undone_is_done_by_the_next_sweep(
    make_home: MakeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    from processors.delivery import retention

    home = make_home(site="retention: {originals_days: 1}")
    folder = delivered(home, [one()])
    home.clock.now += YEAR

    def die(*_: object) -> None:
        raise OSError

    with monkeypatch.context() as broken:
        broken.setattr(retention, "record_event", die)
        with pytest.raises(OSError):
            sweep(home.place)
    assert home.rows("SELECT removed_at FROM deliveries") == [(None,)]
    assert sweep(home.place) == 1
    assert originals(folder) == []
    assert home.rows("SELECT event FROM events WHERE subject = ? AND event = 'removed'", folder.name) == [("removed",)]


def test_a_promise_in_the_middle_of_a_sweep_is_kept(make_home: MakeHome, monkeypatch: pytest.MonkeyPatch) -> None:
    from processors.delivery import retention

    home = make_home(site="retention: {originals_days: 1}")
    folder = delivered(home, [one()])
    home.clock.now += YEAR
    look = retention.retention_until

    def look_and_be_overtaken(*facts: Any) -> float:
        until = look(*facts)
        with transaction(home.place.ledger) as ledger:
            promise(ledger, folder.name, home.clock() + DAY_SECONDS, home.clock())
        return until

    monkeypatch.setattr(retention, "retention_until", look_and_be_overtaken)
    assert sweep(home.place) == 0
    assert originals(folder) == ["000001.dcm"]
