"""A patient takes their consent back after labels of theirs were imported: no file with a row of theirs stays here."""

import errno
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from handoff.contract.labels import Labels
from processors.delivery.confirm import Answer
from processors.labels.importing import Outcome
from processors.ledger import label_documents
from processors.ledger.label_gaps import in_labels
from processors.ledger.repair import rebuild
from processors.withdrawal.labels import end_labels
from tests.unit.delivery.trusted_home import reference
from tests.unit.labels.hospital import Hospital

MINE = ("HOSP-4711", "")


@pytest.fixture
def fresh(tmp_path: Path, hospital: Hospital):
    """A hospital of its own, for tests that write."""
    made = hospital.copied(tmp_path / "home" / "trusted")
    yield made
    made.home.close()


@pytest.fixture
def imported(fresh: Hospital, sheet: Callable[..., Path]) -> Outcome:
    """Two labels of the patient, at two levels, and one of another patient."""
    mine, theirs = fresh.seen["slice"].StudyInstanceUID, fresh.seen["shared"].StudyInstanceUID
    return fresh.run(sheet("StudyInstanceUID,PatientID,grade", f"{mine},,1", f"{theirs},,2", f",{MINE[0]},3"))


def withdraw(hospital: Hospital, project: str | None = None) -> int:
    studies = [hospital.seen[name].StudyInstanceUID for name in ("slice", "other study")]
    return end_labels(hospital.home.place, [MINE], studies, project)


def documents(hospital: Hospital) -> list[Labels]:
    """Every label document that lies in the landing."""
    files = hospital.home.place.layout.labels.glob("*/labels.json")
    return [Labels.model_validate_json(file.read_bytes()) for file in sorted(files)]


def states(hospital: Hospital) -> list[tuple[object, ...]]:
    return sorted(hospital.home.rows("SELECT state, coalesce(reason, ''), rows FROM label_documents"))


def faults(hospital: Hospital) -> list[str]:
    place = hospital.home.place
    return [gap.kind for gap in in_labels(place.layout, place.ledger)]


def values(hospital: Hospital) -> list[object]:
    return [row.labels["grade"] for said in documents(hospital) for row in said.rows]


def test_what_was_not_sent_yet_goes_without_their_rows(fresh: Hospital, imported: Outcome) -> None:
    assert imported.recorded is not None
    assert withdraw(fresh) == 2
    assert values(fresh) == [2]
    assert states(fresh) == [("closed", "withdrawn", 3), ("pending", "", 1)]
    [said] = documents(fresh)
    row = label_documents.get(fresh.home.place.ledger, said.labels_id)
    assert row is not None
    assert (row.revision, row.source) == (imported.recorded.revision, "reader")
    assert faults(fresh) == []


def test_what_goes_on_is_announced_and_the_old_document_is_not(fresh: Hospital, imported: Outcome) -> None:
    withdraw(fresh)
    announcer = fresh.home.announcer()
    told = []
    while announcement := announcer.next(0):
        if announcement.kind == "labels":
            told += [entry["shipment.id"] for entry in fresh.home.route(reference(announcement))]
    announcer.close()
    assert told == [said.labels_id for said in documents(fresh)]


def test_what_the_handoff_has_leaves_the_landing_and_stays_confirmed(fresh: Hospital, imported: Outcome) -> None:
    confirm(fresh, imported)
    assert withdraw(fresh) == 2
    assert documents(fresh) == []
    assert states(fresh) == [("confirmed", "withdrawn", 3)]
    assert faults(fresh) == []


def test_what_a_person_must_look_at_still_waits_without_their_rows(fresh: Hospital, imported: Outcome) -> None:
    assert imported.recorded is not None
    [id_] = imported.recorded.documents
    label_documents.end(fresh.home.place.ledger, id_, "parked", "labels-differ", 1.0)
    withdraw(fresh)
    assert states(fresh) == [("closed", "withdrawn", 3), ("parked", "labels-differ", 1)]
    assert values(fresh) == [2]


def test_a_document_that_is_theirs_alone_is_replaced_by_none(fresh: Hospital, sheet: Callable[..., Path]) -> None:
    fresh.run(sheet("StudyInstanceUID,grade", f"{fresh.seen['slice'].StudyInstanceUID},1"))
    assert withdraw(fresh) == 1
    assert (documents(fresh), states(fresh)) == ([], [("closed", "withdrawn", 1)])


def test_a_document_that_cannot_be_read_is_an_error_and_not_said_to_be_without_them(
    fresh: Hospital, imported: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.read_bytes

    def broken(path: Path) -> bytes:
        if path.name == "labels.json":
            raise OSError(errno.EIO, "broken")
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", broken)
    with pytest.raises(OSError, match="broken"):
        withdraw(fresh)


def test_nothing_of_another_project_is_touched(fresh: Hospital, imported: Outcome) -> None:
    assert withdraw(fresh, "heart") == 0
    assert sorted(values(fresh)) == [1, 2, 3]


def test_a_second_time_nothing_is_left_to_do(fresh: Hospital, imported: Outcome) -> None:
    withdraw(fresh)
    before = states(fresh)
    assert withdraw(fresh) == 0
    assert states(fresh) == before


def test_rows_under_pseudonyms_of_an_earlier_key_epoch_are_found(fresh: Hospital, imported: Outcome) -> None:
    place = fresh.home.place
    place.keys.begin_epoch("lung").save(place.site.key_file)
    place._keys = None
    assert withdraw(fresh) == 2
    assert values(fresh) == [2]


def test_a_ledger_made_anew_from_the_landing_knows_nothing_of_them(fresh: Hospital, imported: Outcome) -> None:
    withdraw(fresh)
    place = fresh.home.place
    place.close()
    for file in place.site.ledger.parent.glob("ledger.db*"):
        file.unlink()
    rebuild(place.layout.root, place.site.ledger)
    assert states(fresh) == [("pending", "", 1)]
    assert faults(fresh) == []


def confirm(hospital: Hospital, imported: Outcome) -> None:
    assert imported.recorded is not None
    home = hospital.home
    announcer = home.announcer()
    while announcement := announcer.next(0):
        if announcement.kind == "labels":
            [entry] = home.route(reference(announcement))
            size, digest = int(entry["package.size"]), entry["package.sha256"]
            receipt = home.handoff.receipt("labels", entry["shipment.id"], "lung", digest, size)
            assert json.loads(receipt)["receipt"]["id"] in imported.recorded.documents
            assert home.confirm(entry, Answer(201, receipt)).relationship == "success"
    announcer.close()
