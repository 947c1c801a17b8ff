"""Form a batch: select, check, name it by its content, write its lines, record it."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from handoff.batches.identity import batch_id
from handoff.batches.rows import BatchRow, batch_rows
from handoff.batches.select import Selection, select_studies
from handoff.batches.split import split_of
from handoff.contract.canonical import canonical_json
from handoff.database.engine import Database
from handoff.database.tables import Batch, BatchInstance, BatchLabels, BatchShipment, BatchStudy
from handoff.errors import BatchError
from handoff.labels.attach import AttachedLabel, attached_labels, count_labels
from handoff.schemas.batches import BatchRequest
from handoff.store import Store
from handoff.store.store import batch_path


@dataclass(frozen=True, slots=True)
class FormedBatch:
    """The batch, and whether this request made it."""

    batch: Batch
    created: bool


@dataclass(frozen=True, slots=True)
class BatchForming:
    """What forming needs; one per process."""

    database: Database
    store: Store

    def form(self, request: BatchRequest) -> FormedBatch:
        """Make the batch that this request means, or return the one of the same content.

        Raises:
            BatchError: no instance, an unknown or open study, or an annotation that refers to nothing in the batch.
        """
        with self.database.read() as session:
            selection = select_studies(session, request)
            rows = batch_rows(session, selection.studies)
            labels = attached_labels(session, request.project, request.labels, rows)
        facts = _check(rows, selection)
        identifier = _identity(rows, labels, request)
        known = self._known(identifier)
        if known is not None:
            return FormedBatch(known, created=False)
        file_sha256 = self.store.files.write(batch_path(identifier), self._lines(rows, labels, request))
        batch = Batch(
            id=identifier,
            project=request.project,
            file_sha256=file_sha256,
            spec_digest=request.spec_digest,
            test_percent=request.test_percent,
            instances=len(rows),
            annotations=sum(row.instance.annotation for row in rows),
            facts={
                **facts,
                "labels": len(labels),
                "label_counts": count_labels(labels),
                "patients": _patients(rows, request),
                "provenance": _provenance(rows, labels),
            },
            created_at=time.time(),
        )
        return self._record(batch, rows, labels)

    def _known(self, identifier: str) -> Batch | None:
        with self.database.read() as session:
            return session.get(Batch, identifier)

    def _lines(
        self, rows: Sequence[BatchRow], labels: Sequence[AttachedLabel], request: BatchRequest
    ) -> Iterator[bytes]:
        for row in rows:
            split = split_of(request.project, row.shipment.patient, request.test_percent)
            yield canonical_json(row.line(self.store, split)) + b"\n"
        for label in labels:
            split = split_of(request.project, label.row.patient, request.test_percent)
            yield canonical_json(label.line(split)) + b"\n"

    def _record(self, batch: Batch, rows: Sequence[BatchRow], labels: Sequence[AttachedLabel]) -> FormedBatch:
        try:
            with self.database.write() as session:
                session.add(batch)
                session.flush()
                _record_members(session, batch.id, rows, labels)
        except IntegrityError:
            known = self._known(batch.id)
            if known is None:
                raise
            return FormedBatch(known, created=False)
        return FormedBatch(batch, created=True)


def _record_members(
    session: Session, identifier: str, rows: Sequence[BatchRow], labels: Sequence[AttachedLabel]
) -> None:
    studies = {row.study.id: row.study.version for row in rows}
    session.execute(
        insert(BatchStudy),
        [{"batch_id": identifier, "study_id": study, "version": version} for study, version in studies.items()],
    )
    session.execute(insert(BatchInstance), [{"batch_id": identifier, "instance_id": row.instance.id} for row in rows])
    shipments = sorted({row.shipment.id for row in rows})
    session.execute(insert(BatchShipment), [{"batch_id": identifier, "shipment_id": one} for one in shipments])
    documents = sorted({label.row.document_id for label in labels})
    if documents:
        session.execute(insert(BatchLabels), [{"batch_id": identifier, "document_id": one} for one in documents])


def _check(rows: Sequence[BatchRow], selection: Selection) -> dict[str, Any]:
    """Refuse what no run could use; count the references that lead nowhere."""
    images = {row.instance.sop_instance_uid for row in rows if not row.instance.annotation}
    if not images:
        raise BatchError("The selection holds no instance.", code="batch-empty")
    unresolved = 0
    for row in rows:
        if row.instance.annotation:
            missing = set(row.instance.references) - images
            if len(missing) == len(set(row.instance.references)):
                raise BatchError("An annotation refers to nothing in the batch.", code="dangling-references")
            unresolved += len(missing)
    return {"left_out": [item.plain() for item in selection.left_out], "unresolved_references": unresolved}


def _identity(rows: Sequence[BatchRow], labels: Sequence[AttachedLabel], request: BatchRequest) -> str:
    annotations = [(row.instance.digest, row.instance.references) for row in rows if row.instance.annotation]
    digests = [row.instance.digest for row in rows]
    values = [label.content() for label in labels]
    content = digests, annotations, request.spec_digest, request.project, request.test_percent
    return batch_id(*content, labels=values)


def _patients(rows: Sequence[BatchRow], request: BatchRequest) -> dict[str, int]:
    patients = {row.shipment.patient for row in rows}
    sides = Counter(split_of(request.project, patient, request.test_percent) for patient in patients)
    return {"train": sides["train"], "test": sides["test"]}


def _provenance(rows: Sequence[BatchRow], labels: Sequence[AttachedLabel]) -> dict[str, Any]:
    treatments = {json.dumps(row.shipment.treatment, sort_keys=True) for row in rows}
    return {
        "shipments": sorted({row.shipment.id for row in rows}),
        "labels": sorted({label.row.document_id for label in labels}),
        "studies": {row.study.study_uid: row.study.version for row in rows},
        "treatments": [json.loads(treatment) for treatment in sorted(treatments)],
    }
