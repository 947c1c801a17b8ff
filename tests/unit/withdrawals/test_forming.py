"""A batch is refused when its two sides know of each other; its lines and its id are what they always were."""

import json
from dataclasses import replace

import pytest
from sqlalchemy import select

from handoff.batches.check import check_sheet
from handoff.batches.form import BatchForming
from handoff.batches.identity import batch_id, label_text, streamed_batch_id
from handoff.batches.rows import BatchRow
from handoff.batches.worksheet import Noted, Worksheet, sweep_worksheets
from handoff.contract.batch import BATCH_LINE, InstanceLine
from handoff.contract.canonical import canonical_digest, canonical_json
from handoff.database.tables import BatchInstance, BatchShipment, BatchStudy
from handoff.errors import BatchError, BusyError
from handoff.schemas.batches import BatchRequest
from handoff.store.files import Folder
from handoff.store.store import batch_path
from tests.integration.handoff.packages import Package, new_id

ALL = BatchRequest(project="lungs", select="all")


def noted(number: int, *, test: bool = False, references: tuple[str, ...] = (), **facts: str) -> Noted:
    """An instance of a series of its own; an annotation if it refers to something."""
    named = {"digest": f"d{number}", "sop": f"1.{number}", "series": f"2.{number}", **facts}
    return Noted(id=number, annotation=bool(references), test=test, references=list(references), **named)


def check(folder, *instances: Noted) -> int:
    with Worksheet(folder) as sheet:
        sheet.add_instances(instances, [b"\n"] * len(instances))
        return check_sheet(sheet)


@pytest.mark.parametrize(
    "instances",
    [
        (noted(1), noted(2, test=True, digest="d1")),
        (noted(1), noted(2, test=True, sop="1.1")),
        (noted(1), noted(2, test=True, series="2.1")),
        (noted(1), noted(2), noted(3, test=True, references=("1.1",))),
    ],
    ids=["content", "instance", "series", "annotation"],
)
def test_what_is_on_both_sides_of_the_split_is_refused(tmp_path, instances):
    with pytest.raises(BatchError) as refused:
        check(tmp_path, *instances)
    assert refused.value.code == "split-leak"


def test_what_is_on_one_side_only_passes_and_lost_references_are_counted(tmp_path):
    assert (
        check(tmp_path, noted(1), noted(2, digest="d1"), noted(3, references=("1.1", "9.9")), noted(4, test=True)) == 1
    )


@pytest.mark.parametrize(
    ("instances", "code"),
    [((), "batch-empty"), ((noted(1), noted(2, references=("9.9",))), "dangling-references")],
)
def test_what_no_run_could_use_is_refused(tmp_path, instances, code):
    with pytest.raises(BatchError) as refused:
        check(tmp_path, *instances)
    assert refused.value.code == code


def test_an_id_is_the_digest_of_the_canonical_content_whether_it_is_streamed_or_not():
    labels = [("study", "1.2", "lesion", "reader", True), ("patient", "Pä", "age", "reader", 3)]
    said = sorted(label_text(label) for label in labels)
    content = {
        "schema": "sluice.batch/1",
        "instances": ["a", "b"],
        "annotations": [["b", ["1", "2"]]],
        "spec_digest": None,
        "split": {"by": "patient", "project": "lungs", "test_percent": 25},
    }
    annotations = [("b", ["2", "1"])]
    assert batch_id(["b", "a"], annotations, None, "lungs", 25) == canonical_digest(content)
    streamed = streamed_batch_id(
        iter(["a", "b"]), iter([["b", ["1", "2"]]]), iter(said), spec_digest=None, project="lungs", test_percent=25
    )
    assert streamed == canonical_digest({**content, "labels": said})
    assert streamed == batch_id(["a", "b"], annotations, None, "lungs", 25, labels=labels)


def test_the_worksheet_sorts_as_python_does(tmp_path):
    said = ["z", "Z", "ä", "\U0001f600", "", "a"]
    with Worksheet(tmp_path) as sheet:
        for text in said:
            sheet.add_label(text, b"")
        assert list(sheet.labels()) == sorted(said)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_forming_left_is_swept_and_what_is_under_way_is_not(tmp_path):
    dead = tmp_path / "batch-dead"
    dead.mkdir()
    (dead / "instances").write_bytes(b"lines")
    with Worksheet(tmp_path):
        assert sweep_worksheets(tmp_path) == 1
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_line_is_that_of_the_contract(desk):
    row = BatchRow("P", "1.2", "1.3", "1.4", 1, "a" * 64, "1.5", True, ["1.6"], "s", "b" * 64, "CT", {})
    line = row.line(desk.store, "train")
    read = BATCH_LINE.validate_python(line)
    assert isinstance(read, InstanceLine)
    assert canonical_json(line) == canonical_json(read)


def test_members_and_lines_are_recorded_whole_and_in_order(desk):
    packages = [Package.of(2, patient=f"P{number}") for number in (2, 1)]
    truth = Package.of(1, annotates=packages[0].uids, patient="P2", study=packages[0].study)
    desk.delivered(*packages, truth)
    batch = desk.form(test_percent=0)
    lines = [json.loads(line) for line in b"".join(desk.store.files.read(batch_path(batch))).splitlines()]
    places = [(line["patient"], line["study"], line["series"], line["sop_instance_uid"]) for line in lines]
    assert places == sorted(places)
    with desk.database.read() as session:
        assert len(session.scalars(select(BatchInstance.instance_id)).all()) == 5
        assert set(session.scalars(select(BatchShipment.shipment_id))) == {p.id for p in (*packages, truth)}
        assert len(session.scalars(select(BatchStudy.study_id)).all()) == 2


def test_what_one_request_discards_takes_nothing_from_another_that_forms_the_same_content(desk, monkeypatch):
    """The first chose what is withdrawn then; the same content comes again by another shipment, for the second."""
    first = Package.of(2)
    again = replace(first, id=new_id())
    desk.delivered(first)
    forming = BatchForming(desk.database, desk.store)
    second = BatchForming(desk.database, desk.store, patience_seconds=0.0)
    begin, remove = BatchForming._begin, Folder.remove
    withdrawn, refused = [], []

    def begin_late(self, *arguments):
        if self is forming and not withdrawn:
            withdrawn.append(desk.withdraw(first))
            desk.delivered(again)
        begin(self, *arguments)

    def try_and_remove(self, path):
        remove(self, path)
        try:
            second.form(ALL)
        except BusyError:
            refused.append(path)

    monkeypatch.setattr(BatchForming, "_begin", begin_late)
    monkeypatch.setattr(Folder, "remove", try_and_remove)
    batch = forming.form(ALL).batch
    assert refused == [batch_path(batch.id)]
    with desk.database.read() as session:
        assert list(session.scalars(select(BatchShipment.shipment_id))) == [again.id]
        assert len(session.scalars(select(BatchInstance.instance_id)).all()) == batch.instances == 2
    assert desk.copies().count(("batch", "present")) == 1
    assert batch_path(batch.id) in desk.files()
