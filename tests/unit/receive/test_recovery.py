"""A crash at any moment: what was acknowledged is there once after recovery, what was not leaves nothing."""

import errno
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from processors.landing import restore
from processors.landing.association import OpenAssociation
from processors.landing.delivery import read_delivery
from processors.landing.errors import EvidenceUnreadableError
from processors.landing.evidence import read_evidence
from processors.landing.journal import DeliveryLine, read
from processors.landing.layout import Layout
from processors.landing.mark import Mark
from processors.landing.recover import recover
from processors.ledger.reconcile import reconcile
from processors.ledger.schema import connect, record_event, transaction
from tests.receiver_process import unfinished
from tests.unit.receive.landing_desk import Desk, data_set


def crash(desk: Desk) -> OpenAssociation:
    """An association with three acknowledged instances, a duplicate and a refusal, cut off before any seal."""
    one = desk.associate()
    for uid, series in (("1.2.1", "1.9.1"), ("1.2.2", "1.9.1"), ("1.2.3", "1.9.2"), ("1.2.3", "1.9.2")):
        desk.store(one, uid, content=data_set(uid, series=series), series=series)
    one.refuse(0xC000, "truncated")
    return one


def open_folder(desk: Desk, instances: int) -> Path:
    """The unsealed delivery with so many files."""
    return next(folder for folder in desk.layout.deliveries.iterdir() if len(list(folder.glob("*.dcm"))) == instances)


def assert_sound(desk: Desk, *, kept: int, duplicates: int, ending: str = "lost") -> None:
    """Recovery finds so much, a second one nothing more, and all witnesses agree."""
    recover(desk.layout, desk.ledger)
    again = recover(desk.layout, desk.ledger)
    assert (again.sealed, again.entered, again.ended, again.dropped_files) == (0, 0, 0, 0)
    assert sum(len(delivery.instances) for delivery in desk.on_disk()) == kept
    assert desk.rows("SELECT count(*) FROM instances WHERE disposition = 'delivered'") == [(kept,)]
    assert desk.rows("SELECT count(*) FROM instances WHERE disposition = 'duplicate'") == [(duplicates,)]
    assert desk.rows("SELECT ending, acknowledged FROM associations") == [(ending, kept + duplicates)]
    assert not unfinished(desk.layout)
    report = reconcile(desk.layout.root, desk.ledger_file, pause=lambda _: None)
    assert report.gaps == []
    assert report.acknowledged == sum(report.states.values()) == kept + duplicates


def test_unsealed_deliveries_are_sealed_from_their_journals(desk: Desk) -> None:
    crash(desk)
    assert_sound(desk, kept=3, duplicates=1)
    assert {delivery.seal_reason for delivery in desk.on_disk()} == {"recovered"}
    assert desk.rows("SELECT reason FROM refusals") == [("truncated",)]


def test_the_evidence_of_a_lost_association_counts_duplicates_too(desk: Desk) -> None:
    one = crash(desk)
    recover(desk.layout, desk.ledger)
    evidence = read_evidence(desk.layout.evidence_of(one.facts.id))
    assert evidence is not None
    assert evidence.ending == "lost"
    assert (evidence.studies["1.9"].acknowledged, evidence.studies["1.9"].duplicates) == (4, 1)
    assert set(evidence.studies["1.9"].deliveries) == {delivery.id for delivery in desk.on_disk()}
    assert desk.rows("SELECT state, project, due_at FROM evidence") == [("pending", None, None)]


def test_parts_that_were_being_received_go(desk: Desk) -> None:
    one = crash(desk)
    Path(one.new_part()).write_bytes(b"half an object")
    assert_sound(desk, kept=3, duplicates=1)


def test_a_file_that_its_journal_does_not_know_was_not_acknowledged_and_goes(desk: Desk) -> None:
    """The crash came before it was synced."""
    crash(desk)
    (open_folder(desk, 2) / "000003.dcm").write_bytes((open_folder(desk, 2) / "000001.dcm").read_bytes())
    assert_sound(desk, kept=3, duplicates=1)
    assert not list(desk.layout.deliveries.glob("*/000003.dcm"))


def assert_told(folder: Path, lines: list[DeliveryLine]) -> None:
    """The sealed delivery says what its journal had said."""
    delivery = read_delivery(folder)
    kept = [line.kept for line in lines if line.kept]
    assert list(delivery.instances) == [one.instance for one in kept]
    assert list(delivery.received_at) == [one.received_at for one in kept]
    assert [delivery.peer] == [line.opened.peer for line in lines if line.opened]
    assert not (folder / "journal.jsonl").exists()


@pytest.mark.parametrize("cut", [1, 2, 30, 200])
def test_a_torn_last_line_is_made_anew_from_its_file(desk: Desk, cut: int) -> None:
    """It is not synced, so its object may have been acknowledged."""
    crash(desk)
    folder = open_folder(desk, 2)
    lines = list(read(folder / "journal.jsonl", DeliveryLine))
    (folder / "journal.jsonl").write_bytes((folder / "journal.jsonl").read_bytes()[:-cut])
    assert_sound(desk, kept=3, duplicates=1)
    assert_told(folder, lines)


def test_a_line_with_nuls_before_whole_ones_is_made_anew_from_its_file(desk: Desk) -> None:
    """The page that it was in was not written, the next one was."""
    one = desk.associate()
    for uid in ("1.2.1", "1.2.2", "1.2.3", "1.2.4"):
        desk.store(one, uid, content=data_set(uid))
    [folder] = desk.layout.deliveries.iterdir()
    lines = list(read(folder / "journal.jsonl", DeliveryLine))
    opened, first, second, *others = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "journal.jsonl").write_bytes(b"".join((opened, first, bytes(len(second)), *others)))
    assert recover(desk.layout, desk.ledger).adopted_files == 3
    assert_told(folder, lines)


def test_every_cut_of_a_journal_is_recovered(desk: Desk, tmp_path: Path) -> None:
    """None of its lines is synced before the delivery is sealed: whatever is left of them, the files tell the same."""
    crash(desk)
    folder = open_folder(desk, 2)
    whole = (folder / "journal.jsonl").read_bytes()
    lines = [index + 1 for index, byte in enumerate(whole) if byte == 10]
    for length in {0, *range(5, len(whole), 61), *lines, *(end - 1 for end in lines)}:
        copy = Desk(tmp_path / f"copy{length}")
        try:
            shutil.rmtree(copy.layout.root)
            shutil.copytree(desk.layout.root, copy.layout.root, ignore=shutil.ignore_patterns("notify"))
            (copy.layout.delivery(folder.name) / "journal.jsonl").write_bytes(whole[:length])
            assert_sound(copy, kept=3, duplicates=1)
        finally:
            copy.close()


def changed(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "its preamble is zeros": lambda file: file.write_bytes(bytes(128) + file.read_bytes()[128:]),
    "its mark is damaged": lambda file: changed(file, 72),
    "a later version marked it": lambda file: changed(file, 7),
    "its data set is damaged": lambda file: changed(file, -1),
    "its data set is cut": lambda file: file.write_bytes(file.read_bytes()[:-2]),
    "its data set is longer": lambda file: file.write_bytes(file.read_bytes() + b"\0\0"),
    "it ends in its head": lambda file: file.write_bytes(file.read_bytes()[:200]),
    "it is empty": lambda file: file.write_bytes(b""),
    "it is another file's copy": lambda file: shutil.copy(file.with_name("000001.dcm"), file),
    "it is another delivery's": lambda file: shutil.copy(
        next(other for other in file.parent.parent.glob("*/000001.dcm") if other.parent != file.parent), file
    ),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_file_without_its_line_goes_if(desk: Desk, damage: Callable[[Path], object]) -> None:
    """Its mark must say what it is, and be true: else it was not whole, and was not acknowledged."""
    crash(desk)
    folder = open_folder(desk, 2)
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "journal.jsonl").write_bytes(b"".join(lines[:2]))
    damage(folder / "000002.dcm")
    assert_sound(desk, kept=2, duplicates=1)
    assert not (folder / "000002.dcm").exists()


def test_a_file_without_its_line_that_cannot_be_read_stays(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be an acknowledged one; a later start may be able to read it."""
    crash(desk)
    folder = open_folder(desk, 2)
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "journal.jsonl").write_bytes(b"".join(lines[:2]))

    def unreadable(*_: object) -> None:
        raise OSError(errno.EIO, "broken")

    with monkeypatch.context() as patched:
        patched.setattr("processors.landing.recover.adopted", unreadable)
        assert recover(desk.layout, desk.ledger).unreadable == 1
    assert len(list(folder.glob("*.dcm"))) == 2
    assert_sound(desk, kept=3, duplicates=1)


@pytest.mark.parametrize("line", [1, 2])
def test_an_association_does_not_end_before_all_its_deliveries_can_be_read(desk: Desk, line: int) -> None:
    """Its evidence would say too little for ever, and the study would be called complete without them."""
    one = crash(desk)
    journal = open_folder(desk, 2) / "journal.jsonl"
    whole = journal.read_bytes()
    lines = whole.splitlines(keepends=True)
    lines[line] = b'{"of": "a later version"}\n'
    journal.write_bytes(b"".join(lines))
    done = recover(desk.layout, desk.ledger)
    assert (done.unreadable, done.ended) == (1, 0)
    assert read_evidence(desk.layout.evidence_of(one.facts.id)) is None
    journal.write_bytes(whole)
    assert_sound(desk, kept=3, duplicates=1)


@pytest.mark.parametrize("at", [72, -1], ids=["mark", "data set"])
def test_a_file_without_its_line_goes_if_the_disk_has_another(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    """A sync that failed before the crash has left it whole in memory only."""
    crash(desk)
    folder = open_folder(desk, 2)
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "journal.jsonl").write_bytes(b"".join(lines[:2]))
    monkeypatch.setattr(os, "posix_fadvise", lambda *_: changed(folder / "000002.dcm", at))
    assert_sound(desk, kept=2, duplicates=1)


@pytest.mark.parametrize("line", [0, 1, 2])
def test_a_delivery_whose_journal_has_a_line_that_cannot_be_read_is_left_alone_and_said(desk: Desk, line: int) -> None:
    """Another Sluice wrote it, or the disk is damaged: a file may be an acknowledged one, so none goes."""
    crash(desk)
    folder = open_folder(desk, 2)
    lines = (folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    lines[line] = b'{"of": "a later version"}\n'
    (folder / "journal.jsonl").write_bytes(b"".join(lines))
    before = sorted(folder.iterdir())
    done = recover(desk.layout, desk.ledger)
    assert (done.unreadable, done.dropped_files) == (1, 0)
    assert sorted(folder.iterdir()) == before
    report = reconcile(desk.layout.root, desk.ledger_file, pause=lambda _: None)
    assert (folder.name, "journal-unreadable") in {(gap.subject, gap.kind) for gap in report.gaps}


def test_an_association_whose_journal_cannot_be_read_keeps_it(desk: Desk) -> None:
    one = desk.associate()
    path = desk.layout.journal_of(one.facts.id)
    path.parent.mkdir()
    path.write_text('{"of": "a later version"}\n')
    assert recover(desk.layout, desk.ledger).unreadable == 1
    assert path.exists()


def test_evidence_that_cannot_be_read_keeps_no_receiver_from_starting(desk: Desk) -> None:
    """Once it has been moved away it is written anew."""
    one = crash(desk)
    one.end("released")
    path = desk.layout.evidence_of(one.facts.id)
    damaged = path.read_bytes().replace(b"acknowledged", b"acknowledgex")
    path.write_bytes(damaged)
    gaps = reconcile(desk.layout.root, desk.ledger_file, pause=lambda _: None).gaps
    assert [(gap.subject, gap.kind) for gap in gaps] == [(one.facts.id, "association-counts")]
    desk.ledger.execute("UPDATE associations SET ending = 'open'")
    desk.ledger.execute("DELETE FROM evidence")
    desk.ledger.execute("DELETE FROM refusals")
    desk.ledger.execute("DELETE FROM instances WHERE disposition = 'duplicate'")
    assert recover(desk.layout, desk.ledger).unreadable == 1
    assert path.read_bytes() == damaged
    path.unlink()
    assert_sound(desk, kept=3, duplicates=1)


def test_an_error_of_evidence_says_nothing_of_its_content(tmp_path: Path) -> None:
    path = tmp_path / "evidence.json"
    path.write_text('{"studies": {"1.2.840.113": {}}}')
    with pytest.raises(EvidenceUnreadableError) as raised:
        read_evidence(path)
    assert "1.2.840" not in f"{raised.value}"
    assert raised.value.__cause__ is None


def test_what_a_person_left_among_the_deliveries_is_left_alone(desk: Desk) -> None:
    crash(desk)
    copy = desk.layout.deliveries / "backup"
    shutil.copytree(open_folder(desk, 2), copy)
    (copy / "journal.jsonl").unlink()
    (desk.layout.deliveries / ".DS_Store").write_text("")
    (desk.layout.incoming / "notes.txt").write_text("")
    recover(desk.layout, desk.ledger)
    assert len(list(copy.glob("*.dcm"))) == 2
    assert reconcile(desk.layout.root, desk.ledger_file, pause=lambda _: None).gaps == []


def test_a_delivery_without_an_instance_goes(desk: Desk) -> None:
    crash(desk)
    (desk.layout.deliveries / ("a" * 32)).mkdir()
    (desk.layout.deliveries / ("b" * 32)).mkdir()
    (desk.layout.deliveries / ("b" * 32) / "journal.jsonl").write_text('{"opened":')
    assert_sound(desk, kept=3, duplicates=1)
    assert len(list(desk.layout.deliveries.iterdir())) == 2


def test_a_delivery_json_that_was_being_written_is_written_again(desk: Desk) -> None:
    crash(desk)
    (open_folder(desk, 2) / ".delivery.json.new").write_text('{"schema": "slu')
    assert_sound(desk, kept=3, duplicates=1)


def test_deliveries_sealed_but_not_entered_are_entered_with_the_times_of_their_journals(desk: Desk) -> None:
    """The crash came before the ledger's commit."""
    desk.enters = False
    one = crash(desk)
    one.end("released")
    assert_sound(desk, kept=3, duplicates=1)
    assert desk.rows("SELECT DISTINCT received_at FROM instances") == [(desk.now,)]
    assert desk.rows("SELECT DISTINCT state, due_at, sealed_at FROM deliveries") == [("sealed", 0, desk.now)]


def test_an_ending_that_is_written_as_evidence_stands_even_if_the_ledger_missed_it(desk: Desk) -> None:
    """The crash came between the evidence file and the ledger's commit."""
    one = crash(desk)
    one.end("released")
    desk.ledger.execute("UPDATE associations SET ending = 'open'")
    desk.ledger.execute("DELETE FROM evidence")
    desk.ledger.execute("DELETE FROM refusals")
    desk.ledger.execute("DELETE FROM instances WHERE disposition = 'duplicate'")
    (desk.layout.incoming / one.facts.id).mkdir()
    desk.layout.kept_journal_of(one.facts.id).rename(desk.layout.journal_of(one.facts.id))
    assert_sound(desk, kept=3, duplicates=1, ending="released")


def test_a_crash_after_the_commit_and_before_the_parts_went_counts_nothing_twice(desk: Desk) -> None:
    one = crash(desk)
    one.end("released")
    (desk.layout.incoming / one.facts.id).mkdir()
    shutil.copy(desk.layout.kept_journal_of(one.facts.id), desk.layout.journal_of(one.facts.id))
    assert_sound(desk, kept=3, duplicates=1, ending="released")


def test_a_lost_ledger_is_made_anew_duplicates_included(desk: Desk, tmp_path: Path) -> None:
    one = crash(desk)
    one.end("released")
    desk.close()
    desk.ledger_file = tmp_path / "new.db"
    desk.ledger = connect(desk.ledger_file)
    assert_sound(desk, kept=3, duplicates=1, ending="released")
    assert desk.rows("SELECT peer FROM associations") == [("192.0.2.1",)]


def test_a_resend_after_recovery_is_a_duplicate(desk: Desk) -> None:
    crash(desk)
    recover(desk.layout, desk.ledger)
    again = desk.associate()
    for delivery in desk.on_disk():
        for instance in delivery.instances:
            content = data_set(instance.sop_instance_uid, series=delivery.series_instance_uid)
            desk.store(again, instance.sop_instance_uid, content=content)
    again.end("released")
    assert again.again.total() == 3
    assert len(desk.on_disk()) == 2


def test_a_file_that_is_gone_from_its_folder_comes_back_from_its_slot(desk: Desk) -> None:
    crash(desk)
    (open_folder(desk, 2) / "000002.dcm").unlink()
    assert_sound(desk, kept=3, duplicates=1)


@pytest.mark.parametrize("what", ["the folder", "its journal", "all folders"])
def test_what_is_gone_of_a_delivery_that_is_not_sealed_comes_back_from_its_slots(desk: Desk, what: str) -> None:
    crash(desk)
    if what == "its journal":
        (open_folder(desk, 2) / "journal.jsonl").unlink()
    else:
        for folder in [open_folder(desk, 2)] if what == "the folder" else list(desk.layout.deliveries.iterdir()):
            shutil.rmtree(folder)
    assert_sound(desk, kept=3, duplicates=1)


def test_a_delivery_that_was_given_its_name_anew_when_the_crash_came_is_there_once(desk: Desk) -> None:
    crash(desk)
    folder = open_folder(desk, 2)
    folder.rename(folder.with_name(f".{folder.name}.again"))
    assert_sound(desk, kept=3, duplicates=1)
    assert len(list(desk.layout.deliveries.iterdir())) == 2


def test_a_sealed_delivery_whose_files_were_lost_with_their_names_gets_them_back(desk: Desk) -> None:
    """The power went when only the name of `delivery.json` had been written, of all names in the folder."""
    desk.enters = False
    one = crash(desk)
    one.end("released")
    for file in desk.layout.deliveries.glob("*/*.dcm"):
        file.unlink()
    assert_sound(desk, kept=3, duplicates=1)
    assert len(list(desk.layout.deliveries.glob("*/*.dcm"))) == 3


def test_a_slot_that_cannot_be_read_keeps_no_receiver_from_starting(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have an acknowledged object; a later start may be able to read it."""
    crash(desk)
    gone = open_folder(desk, 2) / "000002.dcm"
    broken = next(slot for slot in desk.layout.slot_files() if slot.samefile(gone))
    journal = gone.with_name("journal.jsonl")
    journal.write_bytes(journal.read_bytes().splitlines(keepends=True)[0])
    gone.unlink()

    def mark_of(slot: Path) -> Mark | None:
        if slot == broken:
            raise OSError(errno.EIO, "broken")
        return real(slot)

    real = restore._mark_of
    with monkeypatch.context() as patched:
        patched.setattr(restore, "_mark_of", mark_of)
        assert recover(desk.layout, desk.ledger).unreadable == 1
    assert broken.exists()
    # By now its delivery is sealed without it: this is the only file that tells of the object.
    assert recover(desk.layout, desk.ledger).unreadable == 1
    assert broken.exists()
    assert not gone.exists()


def test_a_recovery_that_the_disk_stops_forgets_no_acknowledged_object(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its journal alone tells of an object whose file the disk has damaged since."""
    one = desk.associate()
    for uid in ("1.2.1", "1.2.2"):
        desk.store(one, uid, content=data_set(uid))
    changed(open_folder(desk, 2) / "000002.dcm", -1)

    def no_space(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patched:
        patched.setattr("processors.landing.filling.Filling.seal", no_space)
        with pytest.raises(OSError, match="full"):
            recover(desk.layout, desk.ledger)
    assert_sound(desk, kept=2, duplicates=0)


def test_no_original_is_removed_while_slots_give_their_names_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is removed in between would come back for good; whoever removes any holds the ledger's write lock."""
    crash(desk)
    refused = []

    def restored(layout: Layout, known: set[str], removed: set[str]) -> tuple[dict[Path, Path], int]:
        with closing(sqlite3.connect(desk.ledger_file, timeout=0, isolation_level=None)) as another:
            try:
                another.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                refused.append(error.sqlite_errorcode)
        return restore.restore(layout, known, removed)

    monkeypatch.setattr("processors.landing.recover.restore", restored)
    assert_sound(desk, kept=3, duplicates=1)
    assert refused == [sqlite3.SQLITE_BUSY] * 2  # once for each recovery


@pytest.mark.parametrize("removed", ["the folder", "the originals"])
def test_a_slot_that_comes_back_after_its_originals_were_removed_goes(desk: Desk, removed: str) -> None:
    """Names that are removed are not synced: a power cut may bring them back."""
    desk.enters = False
    one = crash(desk)
    one.end("released")
    slots = {slot: slot.read_bytes() for slot in desk.layout.slot_files()}
    recover(desk.layout, desk.ledger)
    for folder in list(desk.layout.deliveries.iterdir()):
        if removed == "the folder":
            shutil.rmtree(folder)
        else:
            for file in folder.glob("*.dcm"):
                file.unlink()
            with transaction(desk.ledger):
                record_event(desk.ledger, desk.now, folder.name, "removed", "")
    for slot, content in slots.items():
        slot.write_bytes(content)
    recover(desk.layout, desk.ledger)
    assert not list(desk.layout.root.rglob("*.dcm"))
    assert not desk.layout.slot_files()


def test_a_journaled_file_that_is_gone_is_damage_and_is_said(desk: Desk) -> None:
    crash(desk)
    folder = open_folder(desk, 2)
    gone = folder / "000002.dcm"
    for slot in desk.layout.slot_files():
        if slot.samefile(gone):
            slot.unlink()
    gone.unlink()
    assert recover(desk.layout, desk.ledger).missing_files == 1
    assert desk.rows("SELECT subject, event, detail FROM events") == [(folder.name, "files-missing", "1")]
    report = reconcile(desk.layout.root, desk.ledger_file, pause=lambda _: None)
    assert [(gap.subject, gap.kind) for gap in report.gaps] == [(folder.name, "journal-differs")]


def test_journals_hold_no_more_than_one_line_per_instance(desk: Desk) -> None:
    crash(desk)
    lines = (open_folder(desk, 2) / "journal.jsonl").read_text().rstrip("\0").splitlines()
    assert [next(iter(json.loads(line))) for line in lines] == ["opened", "kept", "kept"]


def test_a_ledger_that_has_lost_its_last_transactions_is_made_whole(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The receiver's commits wait for no disk: a power cut may take them back, one by one from the last."""
    older = []

    @contextmanager
    def noted(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
        older.append(connection.serialize())
        with transaction(connection):
            yield connection

    monkeypatch.setattr("processors.landing.closing.transaction", noted)
    one = crash(desk)
    desk.store(one, "1.2.3", content=b"another")
    one.end("released")
    monkeypatch.undo()
    assert len(older) == 3  # two deliveries, one end
    for number, ledger in enumerate(older):
        copy = Desk(tmp_path / f"copy{number}")
        try:
            copy.close()
            shutil.rmtree(copy.layout.root)
            shutil.copytree(desk.layout.root, copy.layout.root, ignore=shutil.ignore_patterns("notify"))
            for file in copy.ledger_file.parent.glob("ledger.db*"):
                file.unlink()
            copy.ledger_file.write_bytes(ledger)
            copy.ledger = connect(copy.ledger_file)
            assert_sound(copy, kept=4, duplicates=1, ending="released")
        finally:
            copy.close()
