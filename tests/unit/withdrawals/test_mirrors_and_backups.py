"""Mirrors that were told of a batch and backups that may hold it are named by a withdrawal, with their end."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from handoff.database.tables import Copy
from handoff.handoffs.states import State, transition
from handoff.mirrors import copies
from handoff.mirrors.deliver import Deliverer
from handoff.mirrors.settings import OpenLineageMirror
from handoff.mirrors.tell_openlineage import OpenLineageFile
from handoff.operations.backup import UNFINISHED, back_up
from tests.integration.handoff.packages import Package


def delivered(desk, study: str = "1.2.3", **facts) -> tuple[Package, str]:
    """A package, and a batch of it."""
    package = Package.of(1, study=study, **facts)
    desk.delivered(package)
    return package, desk.form()


def tell_all(desk, folder, **settings) -> OpenLineageFile:
    """A mirror is told of everything that there is to tell."""
    mirror = OpenLineageFile(OpenLineageMirror(file=folder / "told.jsonl", **settings))
    deliverer = Deliverer(mirror, desk.home, desk.database)
    while deliverer.deliver_next() == 0.0:
        pass
    return mirror


def remaining(desk, withdrawal: str) -> dict[str, object]:
    """What the certificate says of mirrors and backups: by kind, why, who has it, and until when."""
    remains = desk.certificate(withdrawal).certificate.remains
    return {
        copy.kind: (copy.reason, copy.holder, copy.expires_on) for copy in remains if copy.kind in {"mirror", "backup"}
    }


def withdrawn(desk, package: Package) -> str:
    asked = desk.withdraw(package)
    assert desk.work(asked.id)
    return asked.id


@pytest.mark.parametrize("days", [None, 30])
def test_a_mirror_that_was_told_of_a_batch_is_named_with_its_end(desk, tmp_path, days):
    package, batch = delivered(desk)
    tell_all(desk, tmp_path, keeps_days=days)
    ends = days and (datetime.now(UTC) + timedelta(days=days)).date()
    found = remaining(desk, withdrawn(desk, package))
    assert found["mirror"][:2] == ("ids-and-figures", "openlineage-file")
    assert found["mirror"][2] == ends or (days and abs(found["mirror"][2] - ends) <= timedelta(days=1))
    with desk.database.read() as session:
        assert session.scalars(select(Copy.batch_id).where(Copy.kind == "mirror")).all() == [batch]


def test_a_mirror_that_was_told_nothing_of_it_is_not_named(desk, tmp_path):
    package, _ = delivered(desk)
    assert remaining(desk, withdrawn(desk, package)) == {}


def test_however_much_is_told_of_a_batch_there_is_one_row_and_it_is_there_before_anything_is_told(
    desk, tmp_path, monkeypatch
):
    _, batch = delivered(desk)
    run = desk.handoff(batch, State.SUBMITTING, kind="prepare")
    with desk.database.write() as session:
        row = session.merge(run)
        transition(session, row, State.SUBMITTED)
        transition(session, row, State.FAILED, "crashed")
    known_when_told = []
    tell = OpenLineageFile.tell

    def told(self, database, change):
        with database.read() as session:
            known_when_told.append(len(session.scalars(select(Copy).where(Copy.kind == "mirror")).all()))
        return tell(self, database, change)

    monkeypatch.setattr(OpenLineageFile, "tell", told)
    tell_all(desk, tmp_path)
    assert known_when_told == [1, 1, 1]


def test_what_is_told_much_later_is_kept_for_longer(desk, tmp_path, monkeypatch):
    monkeypatch.setattr(copies, "_AGAIN_SECONDS", 0.0)
    _, batch = delivered(desk)
    tell_all(desk, tmp_path, keeps_days=1)
    run = desk.handoff(batch, State.SUBMITTING, kind="prepare")
    with desk.database.write() as session:
        transition(session, session.merge(run), State.SUBMITTED)
    tell_all(desk, tmp_path, keeps_days=9)
    with desk.database.read() as session:
        row = session.scalars(select(Copy).where(Copy.kind == "mirror")).one()
    assert row.expires_at - row.made_at == pytest.approx(9 * 86_400, abs=3600)


@pytest.mark.parametrize("days", [None, 14])
def test_a_backup_that_may_hold_it_is_named_with_its_end(desk, tmp_path, days):
    package, _ = delivered(desk)
    record = back_up(desk.settings, desk.database, desk.store, tmp_path / "monday", keep_days=days)
    withdrawal = withdrawn(desk, package)
    (copy,) = (copy for copy in desk.certificate(withdrawal).certificate.remains if copy.kind == "backup")
    assert (copy.name, copy.reason, copy.holder) == (record.id, "in-backup", "monday")
    assert (copy.expires_on is None) == (days is None)
    if days is not None:
        taken_on = datetime.fromtimestamp(record.taken_at, UTC).date()
        assert abs(copy.expires_on - taken_on - timedelta(days=days)) <= timedelta(days=1)


def test_backups_from_before_it_came_and_from_after_it_went_are_not_named(desk, tmp_path):
    back_up(desk.settings, desk.database, desk.store, tmp_path / "before")
    package, _ = delivered(desk)
    withdrawal = withdrawn(desk, package)
    back_up(desk.settings, desk.database, desk.store, tmp_path / "after")
    assert remaining(desk, withdrawal) == {}
    with desk.database.read() as session:
        assert len(session.scalars(select(Copy).where(Copy.kind == "backup")).all()) == 2


def test_a_backup_that_was_killed_goes_on_under_the_same_id(desk, tmp_path):
    """Else a certificate would name one that nobody can find."""
    delivered(desk)
    folder = tmp_path / "monday"
    folder.mkdir()
    (folder / UNFINISHED).write_text("a" * 32)
    record = back_up(desk.settings, desk.database, desk.store, folder)
    assert record.id == "a" * 32
    with desk.database.read() as session:
        assert session.scalars(select(Copy.uri).where(Copy.kind == "backup")).all() == [f"backup:{'a' * 32}"]


def test_the_rows_of_a_backup_know_of_it(desk, tmp_path):
    """What is restored from it withdraws with the same certificate."""
    delivered(desk)
    before = back_up(desk.settings, desk.database, desk.store, tmp_path / "monday").rows["copies"]
    with desk.database.read() as session:
        assert before == len(session.scalars(select(Copy)).all())
