"""A batch's Croissant is read back by MLCommons' own library, which refuses lines that are not those described."""

import json
import logging

import pytest

from handoff.batches.croissant import FILE, LINES, croissant
from handoff.contract.canonical import canonical_json
from handoff.database.tables import Batch
from handoff.store.store import batch_path
from tests.integration.handoff.packages import Package
from tests.unit.withdrawals.desk import Desk

mlc = pytest.importorskip("mlcroissant")
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning")


@pytest.fixture
def folder(tmp_path, template):
    """A batch of two patients and its description, side by side."""
    desk = Desk(tmp_path / "home", template)
    truth = Package.of(3, patient="P1")
    desk.delivered(
        truth, Package.of(1, annotates=truth.uids, patient="P1", study=truth.study), Package.of(2, patient="P2")
    )
    batch = desk.form(test_percent=50)
    folder = tmp_path / "batch"
    folder.mkdir()
    lines = b"".join(desk.store.files.read(batch_path(batch)))
    (folder / LINES).write_bytes(lines)
    (folder / FILE).write_bytes(canonical_json(croissant(desk.get(Batch, batch), len(lines))))
    desk.close()
    return folder


def records(folder, name: str) -> list[dict[str, object]]:
    return list(mlc.Dataset(jsonld=str(folder / FILE)).records(name))


def test_the_records_are_the_lines(folder, caplog):
    with caplog.at_level(logging.WARNING):
        found = records(folder, "batch")
    written = [json.loads(line) for line in (folder / LINES).read_text().splitlines()]
    for name in ("patient", "study", "digest", "split", "package"):
        assert [text(record[f"batch/{name}"]) for record in found] == [line[name] for line in written]
    assert [bool(record["batch/annotation"]) for record in found] == [line["annotation"] for line in written]


def test_the_splits_are_those_that_croissant_knows(folder):
    assert {text(record["splits/name"]): text(record["splits/url"]) for record in records(folder, "splits")} == {
        "train": "cr:TrainingSplit",
        "test": "cr:TestSplit",
    }


def test_lines_that_were_tampered_with_are_refused(folder):
    lines = (folder / LINES).read_bytes()
    (folder / LINES).write_bytes(lines.replace(b'"split":"train"', b'"split":"test!"', 1).replace(b"P1", b"P9", 1))
    with pytest.raises(Exception, match=r"Download\(lines\)") as refused:
        records(folder, "batch")
    assert "hash" in repr(refused.value.__cause__).lower()


def test_it_holds_no_time_and_no_path(folder):
    text = (folder / FILE).read_text()
    assert "date" not in text.lower().replace("candidate", "")
    assert "file://" not in text


def text(value: object) -> object:
    return value.decode() if isinstance(value, bytes) else value
