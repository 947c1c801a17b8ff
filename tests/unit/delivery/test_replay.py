"""A project begun anew: what was treated in the old key epoch goes once more, and no word joins the two."""

import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydicom import dcmread
from pydicom.uid import generate_uid

from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from handoff.errors import BatchError
from processors.delivery import again as receiving
from processors.delivery import replay as replaying
from processors.delivery.errors import NoRoomToReplayError
from processors.delivery.package import package_path
from processors.delivery.replay import Replayed, old_shipments, replay
from processors.delivery.replay_command import replay as command
from processors.delivery.route import route
from processors.landing.recover import recover
from processors.ledger import variants
from processors.withdrawal.close import close, tombstone
from processors.withdrawal.find import deliveries_of
from tests.unit.delivery.asked_desk import Body
from tests.unit.delivery.trusted_home import RELEASE, TrustedHome, ct, reference
from tests.unit.withdrawals.desk import Desk

MakeHome = Callable[..., TrustedHome]
MINE = "HOSP-4711"
_SHIPS = [{"destination": "handoff", "project": name} for name in ("lung", "liver")]
TWO_PROJECTS = {"version": 1, "rules": [{"name": "CT", "when": {"modality": "CT"}, "ship": _SHIPS}]}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A handoff without its service."""
    file = tmp_path / "handoff.db"
    database = Database(f"sqlite:///{file}")
    upgrade(database)
    database.close()
    with sqlite3.connect(file) as plain:
        plain.execute("PRAGMA journal_mode = DELETE")
    desk = Desk(tmp_path / "research", file)
    yield desk
    desk.close()


def arrive(home: TrustedHome, count: int = 2, **changes: object) -> str:
    """A series that the project gets; returns its study."""
    study, series = generate_uid(), generate_uid()
    home.seal([ct(study, series, InstanceNumber=number, **changes) for number in range(count)])
    settle(home)
    return study


def settle(home: TrustedHome) -> list[dict[str, str]]:
    """Everything that is announced, to its end; returns what was sent."""
    announcer, sent = home.announcer(), []
    while announcement := announcer.next(0):
        for entry in home.route(reference(announcement)):
            [project] = home.rows(_PROJECT, entry["shipment.id"])[0] if entry["kind"] == "shipment" else ["lung"]
            going = home.treat(entry) if entry["kind"] == "shipment" else entry
            going["left"] = Path(going["package.path"]).read_bytes().hex()
            home.confirm(going, home.handoff.accept(going, str(project)))
            sent.append(going)
    announcer.close()
    return sent


def ids(home: TrustedHome) -> list[object]:
    return [row[0] for row in home.rows("SELECT id FROM shipments ORDER BY rowid")]


_PROJECT = "SELECT project FROM shipments WHERE id = ?"


def begin(home: TrustedHome) -> None:
    """The next epoch of the project; whoever runs has it after a start."""
    home.place.keys.begin_epoch("lung").save(home.place.site.key_file)
    home.place._keys = None


def again(home: TrustedHome, most: int | None = None) -> Replayed:
    return replay(home.place, "lung", "ada", most, lambda _done, _all: None)


def packages(sent: list[dict[str, str]]) -> list[zipfile.ZipFile]:
    return [zipfile.ZipFile(entry["package.path"]) for entry in sent if entry["kind"] == "shipment"]


def patients(sent: list[dict[str, str]]) -> set[str]:
    names = [(archive, name) for archive in packages(sent) for name in archive.namelist() if name.endswith(".dcm")]
    return {str(dcmread(BytesIO(archive.read(name))).PatientID) for archive, name in names}


def manifests(sent: list[dict[str, str]]) -> list[dict[str, object]]:
    return [json.loads(archive.read("manifest.json")) for archive in packages(sent)]


def epochs(home: TrustedHome) -> list[tuple[str, str]]:
    rows = home.rows("SELECT treatment, state FROM shipments ORDER BY rowid")
    return [(json.loads(str(treatment))["key_epoch"].rpartition("/")[2], str(state)) for treatment, state in rows]


def test_everything_goes_once_more_under_other_pseudonyms(home: TrustedHome) -> None:
    arrive(home)
    home.end()
    old = settle(home)
    arrive(home, 1, PatientID="HOSP-0815")
    begin(home)

    done = again(home)
    sent = settle(home)

    assert (done.replayed, done.instances, done.unsettled, done.gone) == (2, 3, 0, 0)
    assert epochs(home) == [("1", "confirmed")] * 2 + [("2", "confirmed")] * 2
    assert len(patients(sent)) == 2
    assert {entry["kind"] for entry in sent} == {"shipment", "evidence"}
    assert (
        old_shipments(home.place, "lung")
        == [row[0] for row in home.rows("SELECT id FROM shipments ORDER BY rowid")][:2]
    )
    assert not patients(old) & patients(sent)


def test_no_word_that_leaves_joins_the_epochs(home: TrustedHome) -> None:
    arrive(home)
    [[old, delivery]] = home.rows("SELECT id, delivery_id FROM shipments")
    begin(home)
    again(home)
    sent = settle(home)
    for entry in sent:
        left = bytes.fromhex(entry["left"])
        assert str(old).encode() not in left
        assert str(delivery).encode() not in left
    assert [each.get("replaces") for each in manifests(sent)] == [None]


def test_a_second_run_finds_nothing_to_do(home: TrustedHome) -> None:
    arrive(home)
    begin(home)
    again(home)
    before = epochs(home)
    assert again(home) == Replayed(home.place.keys.project("lung").epoch, before=1)
    settle(home)
    assert again(home).before == 1
    assert epochs(home) == [*before, ("2", "confirmed")]


@pytest.mark.parametrize("step", ["receive_all_again", "transaction"])
def test_it_goes_on_where_it_was_interrupted(home: TrustedHome, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Before a delivery was received again, and right after it was."""
    for _ in range(3):
        arrive(home, 1)
    begin(home)
    real, calls = getattr(replaying, step), []

    def stops(*given: object, **named: object) -> object:
        calls.append(given)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(replaying, step, stops)
        with pytest.raises(KeyboardInterrupt):
            again(home)
    done = again(home)
    settle(home)
    assert done.replayed + done.before == 3
    assert epochs(home) == [("1", "confirmed")] * 3 + [("2", "confirmed")] * 3
    assert list(variants.uids(home.place.ledger)) == []


def test_a_delivery_that_was_half_received_again_gets_the_rest(
    home: TrustedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk failed in its middle; what came is sealed, and goes."""
    study = arrive(home, 3)
    begin(home)
    real, calls = replaying.receive_all_again, []

    def half(place: object, delivery: object, going: list[object], *rest: object) -> None:
        calls.append(1)
        real(place, delivery, going[:1], *rest)  # type: ignore[arg-type]
        raise OSError("the disk")

    with monkeypatch.context() as patched:
        patched.setattr(replaying, "receive_all_again", half)
        with pytest.raises(OSError, match="the disk"):
            again(home)
    assert again(home).instances == 2
    sent = settle(home)
    assert sum(len(archive.namelist()) - 1 for archive in packages(sent)) == 3
    assert home.rows("SELECT count(*) FROM instances WHERE study_uid = ?", study) == [(6,)]


def test_no_other_project_gets_anything(make_home: MakeHome) -> None:
    home = make_home(rules=json.dumps(TWO_PROJECTS))
    arrive(home)
    begin(home)
    again(home)
    settle(home)
    assert home.rows("SELECT project, count(*) FROM shipments GROUP BY 1 ORDER BY 1") == [("liver", 1), ("lung", 2)]


def test_a_kill_in_the_middle_of_a_delivery_sends_nothing_to_another_project(
    make_home: MakeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the next start of the receiver finds of it goes where the whole would have gone."""
    home = make_home(rules=json.dumps(TWO_PROJECTS))
    arrive(home)
    begin(home)
    real = receiving._receive

    def killed(*given: object) -> None:
        real(*given)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(receiving, "_receive", killed)
        patched.setattr(receiving.OpenAssociation, "end", lambda *_: None)
        with pytest.raises(KeyboardInterrupt):
            again(home)
    recover(home.place.layout, home.place.ledger)

    assert again(home).instances == 1
    settle(home)
    assert home.rows("SELECT project, count(*) FROM shipments GROUP BY 1 ORDER BY 1") == [("liver", 1), ("lung", 3)]
    assert list(variants.uids(home.place.ledger)) == []


def test_what_is_denied_by_now_is_held(home: TrustedHome) -> None:
    """It waits as anything of that patient would that arrives."""
    arrive(home)
    tombstone(home.place, MINE, "", None)
    begin(home)
    again(home)
    announcer = home.announcer()
    assert route(home.place, reference(announcer.next(0)), RELEASE).relationship == "parked"
    announcer.close()
    assert epochs(home) == [("1", "confirmed"), ("2", "parked")]


def test_what_was_closed_is_not_replayed(home: TrustedHome) -> None:
    home.seal([ct(generate_uid(), generate_uid())])
    announcer = home.announcer()
    home.route(reference(announcer.next(0)))
    announcer.close()
    tombstone(home.place, MINE, "", None)
    close(home.place, deliveries_of(home.place, MINE, "", None), "ada")
    begin(home)
    assert again(home) == Replayed(home.place.keys.project("lung").epoch)


def test_what_has_left_the_landing_is_counted(home: TrustedHome) -> None:
    arrive(home)
    for original in home.place.site.landing.rglob("*.dcm"):
        original.unlink()
    begin(home)
    assert (again(home).gone, again(home).replayed) == (1, 0)


def test_what_is_on_its_way_is_replayed_when_it_has_arrived(home: TrustedHome) -> None:
    home.seal([ct(generate_uid(), generate_uid())])
    announcer = home.announcer()
    [entry] = home.route(reference(announcer.next(0)))
    announcer.close()
    begin(home)
    assert again(home).unsettled == 1
    treated = home.treat(entry)
    home.confirm(treated, home.handoff.accept(treated, "lung"))
    assert again(home).replayed == 1


def test_a_number_of_shipments_at_a_time(home: TrustedHome) -> None:
    for _ in range(3):
        arrive(home, 1)
    begin(home)
    assert (again(home, 2).left, again(home, 2).replayed, again(home).before) == (1, 1, 3)


def test_without_room_it_stops_and_says_so(home: TrustedHome, monkeypatch: pytest.MonkeyPatch) -> None:
    arrive(home)
    begin(home)
    monkeypatch.setattr(type(home.place.layout), "free_bytes", lambda _: 0)
    with pytest.raises(NoRoomToReplayError):
        again(home)


def test_versions_that_a_replay_makes_are_nobodys_to_decide(home: TrustedHome) -> None:
    arrive(home)
    begin(home)
    again(home)
    settle(home)
    assert list(variants.uids(home.place.ledger, decided=False)) == []


def test_a_batch_never_holds_packages_of_both(home: TrustedHome, desk: Desk) -> None:
    """The handoff has both: it refuses a batch of all, and either epoch can be asked for."""
    arrive(home)
    begin(home)
    again(home)
    settle(home)
    for id_, delivery in home.rows("SELECT id, delivery_id FROM shipments"):
        desk.deliver(Body(str(id_), package_path(home.place.delivery_folder(str(delivery)), str(id_))))  # type: ignore[arg-type]
    desk.complete()
    with pytest.raises(BatchError) as refused:
        desk.form(project="lung")
    assert refused.value.code == "epochs-mixed"
    key = home.place.keys.id
    batches = {desk.form(project="lung", key_epoch=f"{key}/{epoch}") for epoch in (1, 2)}
    assert len(batches) == 2


def test_in_one_epoch_there_is_nothing_to_replay(home: TrustedHome) -> None:
    arrive(home)
    assert again(home) == Replayed(home.place.keys.project("lung").epoch)


def test_the_command_says_how_far_it_is(home: TrustedHome, tmp_path: Path) -> None:
    arrive(home)
    begin(home)
    around, old = tmp_path / "around", tmp_path / "old.txt"
    around.mkdir()
    (around / "trusted").symlink_to(home.root)
    arguments = ["lung", "--home", str(around), "--by", "ada", "--old-to", str(old)]
    said = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert (said.exit_code, json.loads(said.output)["replayed"]) == (0, 1)
    assert old.read_text().splitlines() == ids(home)[:1]
