"""Fill a worksheet with what a batch is made of, some patients at a time."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from handoff.batches.identity import label_text
from handoff.batches.rows import BatchRow, batch_rows, by_patients
from handoff.batches.select import ChosenStudy
from handoff.batches.split import split_of
from handoff.batches.worksheet import Noted, Worksheet
from handoff.contract.canonical import canonical_digest, canonical_json
from handoff.database.engine import Database
from handoff.labels.attach import AttachedLabel, attached_labels
from handoff.schemas.batches import BatchRequest
from handoff.store import Store


@dataclass(frozen=True, slots=True)
class Filled:
    """What is counted while the worksheet is filled."""

    patients: Counter[str]
    labels: Counter[tuple[str, str]]
    """By source and name."""

    def take(self, labels: list[AttachedLabel]) -> None:
        """Count some labels."""
        self.labels.update((label.row.source, label.name) for label in labels)

    def facts(self) -> dict[str, Any]:
        """The counts, as a batch keeps them."""
        by_source: dict[str, dict[str, int]] = {}
        for (source, name), number in sorted(self.labels.items()):
            by_source.setdefault(source, {})[name] = number
        return {
            "labels": self.labels.total(),
            "label_counts": by_source,
            "patients": {"train": self.patients["train"], "test": self.patients["test"]},
        }


def fill(
    database: Database, store: Store, sheet: Worksheet, request: BatchRequest, studies: Sequence[ChosenStudy]
) -> Filled:
    """Read the studies' instances and labels, each look a short one.

    Raises:
        ChangedError: a study changed since it was chosen.
    """
    filled = Filled(Counter(), Counter())
    for some in by_patients(studies):
        with database.read() as session:
            rows = batch_rows(session, some)
            labels = attached_labels(session, request.project, request.labels, (row.place for row in rows))
        sides = {patient: split_of(request.project, patient, request.test_percent) for patient in _patients(rows)}
        filled.patients.update(sides.values())
        lines = (canonical_json(row.line(store, sides[row.patient])) + b"\n" for row in rows)
        sheet.add_instances((_noted(row, test=sides[row.patient] == "test") for row in rows), lines)
        for label in labels:
            line = canonical_json(label.line(sides[label.row.patient])) + b"\n"
            sheet.add_label(label_text(label.content()), line)
        filled.take(labels)
        _add_members(sheet, {study.study_uid: (study.id, study.version) for study in some}, rows, labels)
    return filled


def _patients(rows: list[BatchRow]) -> set[str]:
    return {row.patient for row in rows}


def _noted(row: BatchRow, *, test: bool) -> Noted:
    return Noted(
        id=row.id,
        digest=row.digest,
        sop=row.sop_instance_uid,
        series=row.series,
        annotation=row.annotation,
        test=test,
        references=row.references,
    )


def _add_members(
    sheet: Worksheet, studies: dict[str, tuple[int, int]], rows: list[BatchRow], labels: list[AttachedLabel]
) -> None:
    shipments = {row.shipment: row.treatment for row in rows}
    for shipment, treatment in shipments.items():
        sheet.add_member("shipment", shipment)
        sheet.add_member("treatment", canonical_digest(treatment), treatment)
    for uid in {row.study for row in rows}:
        sheet.add_member("study", uid, studies[uid])
    for document in {label.row.document_id for label in labels}:
        sheet.add_member("labels", document)


def provenance(sheet: Worksheet) -> dict[str, Any]:
    """What the batch came from, which is no part of its id."""
    return {
        "shipments": [shipment for shipment, _ in sheet.members("shipment")],
        "labels": [document for document, _ in sheet.members("labels")],
        "studies": {uid: version for uid, (_, version) in sheet.members("study")},
        "treatments": [treatment for _, treatment in sheet.members("treatment")],
    }
