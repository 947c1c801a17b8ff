"""`sluice landing`: what it shows and what its verbs do."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from processors.delivery.landing_commands import landing
from processors.delivery.route import route
from processors.dicom.metrics import ReceiverMetrics
from processors.ledger import accounts, variants
from processors.ledger.gaps import in_associations, in_landing, in_ledger
from processors.ledger.occupancy import Occupancy, look
from tests.unit.delivery.trusted_home import RELEASE, RULES, TrustedHome, ct, reference
from tests.unit.receive.landing_desk import Desk

DAY = 86400.0
STATES = ("parked", "discarded", "sealed")
MakeHome = Callable[..., TrustedHome]


@pytest.fixture
def home(make_home: MakeHome) -> TrustedHome:
    """Everything CT is shipped, and stays a day."""
    return make_home(rules=RULES, site="retention: {originals_days: 1}")


def one(**changes: object) -> Dataset:
    return ct(generate_uid(), generate_uid(), **changes)


def run(home: TrustedHome, *arguments: str) -> Result:
    """The command, told of a home whose trusted/ is this one."""
    outer = home.root.parent / "home"
    outer.mkdir(exist_ok=True)
    if not (outer / "trusted").exists():
        (outer / "trusted").symlink_to(home.root)
    return CliRunner().invoke(landing, [*arguments, "--home", str(outer)], catch_exceptions=False)


def step(home: TrustedHome, stage: str, dataset: Dataset) -> str:
    """A delivery that has come as far as `stage`."""
    id_ = home.seal([dataset])
    if stage == "sealed":
        return id_
    announcer = home.announcer()
    announced = reference(announcer.next(0))
    announcer.close()
    if stage == "unmatched":
        assert route(home.place, announced, RELEASE).relationship == "parked"
        return id_
    [entry] = home.route(announced)
    if stage in {"unconfirmed", "confirmed"}:
        entry = home.treat(entry)
    if stage == "confirmed":
        home.confirm(entry, home.handoff.accept(entry, "lung"))
    return id_


def occupancy(home: TrustedHome) -> Occupancy:
    return look(home.place.ledger, home.place.layout, reserve=0, keeps_packages=True, now=home.clock())


def test_each_delivery_is_counted_in_the_state_that_it_is_in(make_home: MakeHome) -> None:
    home = make_home()
    home.clock.now -= 5 * DAY
    step(home, "confirmed", one())
    home.clock.now += DAY
    for stage in ("unconfirmed", "routed"):
        step(home, stage, one())
    step(home, "unmatched", one(Modality="MR"))
    home.clock.now += DAY
    step(home, "sealed", one())
    home.clock.now += DAY
    found = occupancy(home)
    assert {(part.state, part.reason): (part.deliveries, part.instances) for part in found.parts} == {
        ("sealed", None): (1, 1),
        ("routed", None): (1, 1),
        ("unconfirmed", None): (1, 1),
        ("confirmed", None): (1, 1),
        ("held", "unmatched"): (1, 1),
    }
    assert found.oldest_unconfirmed_at == home.clock() - 2 * DAY
    [sizes] = home.rows("SELECT sum(bytes), (SELECT sum(package_size) FROM shipments) FROM deliveries")
    assert (found.size - found.packages, found.packages) == sizes
    assert found.received_per_day == pytest.approx(sizes[0] / 3)


def test_what_was_removed_lies_there_no_more_but_what_was_withheld_does(home: TrustedHome) -> None:
    study, series = generate_uid(), generate_uid()
    home.seal([ct(study, series), ct(study, series, NumberOfFrames=2)])
    announcer = home.announcer()
    home.deliver(reference(announcer.next(0)))
    announcer.close()
    [whole] = home.rows("SELECT bytes FROM deliveries")
    before = {(part.state, part.reason): part.instances for part in occupancy(home).parts}
    assert before == {("confirmed", None): 1, ("held", "withheld"): 1}
    from processors.delivery.retention import sweep

    home.clock.now += 2 * DAY
    sweep(home.place)
    after = occupancy(home)
    assert {(part.state, part.reason): part.instances for part in after.parts} == {("held", "withheld"): 1}
    assert 0 < after.size < whole[0]
    assert after.removed_per_day > 0


def test_what_an_open_association_sends_is_seen_on_the_disk(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    association = desk.associate()
    desk.ledger.execute(
        "INSERT INTO associations (id, opened_at, calling_ae, called_ae, peer, ending)"
        " VALUES (?, 0, '', '', '', 'open')",
        (association.facts.id,),
    )
    desk.store(association, content=b"x" * 1000)
    [part] = look(desk.ledger, desk.layout, reserve=0, keeps_packages=True, now=desk.now).parts
    assert (part.state, part.deliveries, part.instances) == ("open", 1, 1)
    assert part.size > 1000
    association.end("released")
    desk.close()


def test_the_eta_counts_what_retention_removes_and_says_what_were_without_it() -> None:
    found = Occupancy((), 0, None, received_per_day=100, removed_per_day=60, free=1200, reserve=200, total=5000)
    assert (found.days_to_full, found.days_to_full_unconfirmed) == (25, 10)
    steady = Occupancy((), 0, None, received_per_day=100, removed_per_day=100, free=1200, reserve=200, total=5000)
    assert (steady.days_to_full, steady.days_to_full_unconfirmed) == (None, 10)


def test_the_command_shows_states_and_the_eta(home: TrustedHome) -> None:
    step(home, "unmatched", one(Modality="MR"))
    shown = run(home).output
    assert "held: unmatched" in shown
    assert "free" in shown
    told = json.loads(run(home, "--json").output)
    assert [(part["state"], part["reason"]) for part in told["parts"]] == [("held", "unmatched")]
    assert told["free_bytes"] > 0


def test_a_dry_sweep_removes_nothing_and_now_removes_what_it_named(home: TrustedHome) -> None:
    id_ = step(home, "confirmed", one())  # by the tests' clock that was long ago
    folder = home.place.delivery_folder(id_)
    told = json.loads(run(home, "sweep", "--json").output)
    assert (told["ids"], told["instances"], told["removed"]) == ([id_], 1, False)
    assert list(folder.glob("*.dcm"))
    assert "1 deliveries removed" in run(home, "sweep", "--now").output
    assert not list(folder.glob("*.dcm"))
    assert json.loads(run(home, "sweep", "--json").output)["ids"] == []


def test_held_things_are_listed_released_and_ended(home: TrustedHome) -> None:
    ids = [step(home, "unmatched", one(Modality="MR")) for _ in range(3)]
    listed = [json.loads(line) for line in run(home, "held", "--json").output.splitlines()]
    assert {row["id"] for row in listed} == set(ids)
    assert "HOSP" not in run(home, "held").output
    assert run(home, "release", ids[0], "--by", "ada").exit_code == 0
    assert run(home, "end", "--waiting", "unmatched", "--reason", "test scans", "--by", "ada").exit_code == 0
    assert run(home, "held").output == "Nothing waits for a person.\n"
    assert accounts.count(home.place.ledger)["discarded"] == 2
    metrics = ReceiverMetrics(home.place.site.ledger, lambda: 0, lambda: home.clock.now).registry
    counted = {state: metrics.get_sample_value("sluice_ledger_deliveries", {"state": state}) for state in STATES}
    assert counted == {"parked": None, "discarded": 2.0, "sealed": 1.0}
    refused = run(home, "end", ids[1], "--reason", "again")
    assert (refused.exit_code, "does not wait" in refused.output) == (1, True)
    assert run(home, "release").exit_code == 2


def changed(dataset: Dataset, description: str) -> Dataset:
    again = Dataset()
    again.update(dataset)
    again.file_meta = dataset.file_meta
    again.SeriesDescription = description
    return again


def test_picking_an_earlier_version_delivers_its_bytes_again_as_the_highest(tmp_path: Path) -> None:
    """Through a real landing: journals, evidence and every account agree afterwards."""
    from processors.delivery.again import pick
    from processors.delivery.workplace import Workplace
    from processors.site import Site

    desk = Desk(tmp_path)
    association = desk.associate()
    uid = desk.store(association, content=b"first")
    desk.store(association, uid, content=b"second")
    association.end("released")
    place = Workplace(Site.load(tmp_path), lambda: desk.now)
    decision = pick(place, uid, 1, "the second was cut off", "ada")
    assert (decision.revision, decision.highest) == (3, 3)
    found = variants.of_uid(place.ledger, uid)
    assert found is not None
    assert (found.is_decided, found.counts) == (True, 3)
    first, _, third = found.versions
    assert first.digest == third.digest
    assert (place.delivery_folder(third.delivery_id) / third.file).read_bytes().endswith(b"first")
    assert list(in_landing(desk.layout, place.ledger, receiver_runs=False)) == []
    assert list(in_associations(desk.layout, place.ledger)) == []
    assert list(in_ledger(place.ledger)) == []
    rows = place.ledger.execute("SELECT due_at, state FROM deliveries WHERE id = ?", (third.delivery_id,)).fetchall()
    assert [tuple(row) for row in rows] == [(0, "sealed")]
    assert not desk.layout.parts()
    place.close()
    desk.close()


def test_picking_the_highest_sends_nothing(home: TrustedHome) -> None:
    first = one()
    home.seal([first])
    home.seal([changed(first, "two")], revision=2)
    uid = first.SOPInstanceUID
    listed = run(home, "variants").output
    assert f"{uid}  revision 2 counts, as nobody decided" in listed
    said = run(home, "pick", uid, "--revision", "2", "--reason", "corrected", "--by", "ada").output
    assert "nothing is sent" in said
    assert run(home, "variants").output == ""
    assert "revision 2 counts" in run(home, "variants", "--all").output
    assert home.rows("SELECT count(*) FROM deliveries") == [(2,)]


def test_a_version_that_has_left_the_landing_is_not_picked(home: TrustedHome) -> None:
    from processors.delivery.errors import NoSuchVersionError, OriginalGoneError

    first = one()
    folder = home.place.delivery_folder(home.seal([first]))
    home.seal([changed(first, "two")], revision=2)
    (folder / "000001.dcm").unlink()
    with pytest.raises(OriginalGoneError):
        run(home, "pick", first.SOPInstanceUID, "--revision", "1", "--reason", "x")
    with pytest.raises(NoSuchVersionError):
        run(home, "pick", first.SOPInstanceUID, "--revision", "7", "--reason", "x")
    assert "has left the landing" in run(home, "variants").output


def test_the_bar_is_as_wide_as_the_disk_whatever_lies_in_it() -> None:
    import io

    from rich.console import Console

    from processors.delivery.landing_picture import draw
    from processors.ledger.occupancy import Part

    parts = tuple(Part(state, None, 1, 1, 900, 0.0) for state in ("sealed", "confirmed"))
    found = Occupancy(parts, 900, 0.0, received_per_day=1, removed_per_day=0, free=100, reserve=100, total=1000)
    told = io.StringIO()
    draw(found, 0.0, Console(file=told, width=200))
    bar, *rest = told.getvalue().splitlines()
    assert len(bar.split("  ")[0]) == 60
    assert rest[-1] == "full: objects are refused with A700 until there is room"
