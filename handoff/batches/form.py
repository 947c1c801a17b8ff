"""Form a batch: select, check, name it by its content, write its lines, record it. Memory stays flat however large.

1. Studies are chosen in one look, and read some patients at a time into a worksheet on disk. A study that changed
   meanwhile begins it anew, and no look is long.
2. The whole is checked, and named by the digest of its content. A batch of this content is the answer if there is one.
3. One request at a time goes on with a batch; who waited for that looks again whether it is there. The copy of
   patients' data is written down before it is made: the batch, not yet `formed`, and its shipments.
4. The lines are written to the store, and the members recorded by many short transactions; all of it may be repeated,
   so a batch that a killed service left is gone on with by the next request for the same content.
5. The last transaction lets no withdrawal in between. If one came meanwhile that takes something of the batch away,
   what was made is removed, and it is begun anew.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import delete, select, update

from handoff.batches.check import check_sheet
from handoff.batches.fill import fill, provenance
from handoff.batches.identity import streamed_batch_id
from handoff.batches.rows import ChangedError
from handoff.batches.select import select_studies
from handoff.batches.worksheet import Worksheet
from handoff.database.alone import alone
from handoff.database.dialect import insert_absent
from handoff.database.engine import Database
from handoff.database.tables import (
    Batch,
    BatchInstance,
    BatchLabels,
    BatchShipment,
    BatchStudy,
    Copy,
    Shipment,
    Table,
)
from handoff.errors import BatchError, BusyError
from handoff.lineage.log import record
from handoff.schemas.batches import BatchRequest
from handoff.store import Store
from handoff.store.store import batch_path
from handoff.withdrawals.copies import note_copy
from handoff.withdrawals.gate import hold_shared, in_parts
from handoff.withdrawals.kinds import batch_uri

_MOST_TRIES = 5
_AT_ONCE = 2000
"""Rows of one transaction, which keeps it short: others write meanwhile."""
_MEMBERS: tuple[type[Table], ...] = (BatchInstance, BatchLabels, BatchStudy, BatchShipment)
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class FormedBatch:
    """The batch, and whether this request made it."""

    batch: Batch
    created: bool


@dataclass(frozen=True, slots=True)
class _Described:
    """What is said of a batch: few facts, and what grows with its studies."""

    facts: dict[str, Any]
    left_out: list[dict[str, Any]]
    provenance: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BatchForming:
    """What forming needs; one per process."""

    database: Database
    store: Store
    patience_seconds: float = 60.0

    def form(self, request: BatchRequest) -> FormedBatch:
        """Make the batch that this request means, or return the one of the same content.

        Raises:
            BatchError: no instance, an unknown or open study, an annotation that refers to nothing in the batch, a
                split that leaks, or content that was withdrawn.
            BusyError: studies changed again and again while it was formed, or another request is long at forming it.
        """
        for _ in range(_MOST_TRIES):
            with Worksheet(self.store.spool.folder) as sheet:
                try:
                    formed = self._form(request, sheet)
                except ChangedError:
                    continue
            if formed is not None:
                return formed
        raise BusyError("The studies of the batch change faster than it can be formed.")

    def _form(self, request: BatchRequest, sheet: Worksheet) -> FormedBatch | None:
        """None when something of it was withdrawn before it was finished."""
        with self.database.read() as session:
            selection = select_studies(session, request)
        filled = fill(self.database, self.store, sheet, request, selection.studies)  # (1)
        unresolved = check_sheet(sheet)  # (2)
        identifier = streamed_batch_id(
            sheet.digests(),
            sheet.annotations(),
            sheet.labels(),
            spec_digest=request.spec_digest,
            project=request.project,
            test_percent=request.test_percent,
        )
        studies = sheet.count("SELECT count(*) FROM member WHERE kind = 'study'")
        facts = {**filled.facts(), "studies": studies, "unresolved_references": unresolved}
        formed = self._known(identifier)
        if formed is None:
            with alone(self.database, "batch", identifier, self.patience_seconds):  # (3)
                formed = self._known(identifier)
                if formed is None:
                    described = _Described(facts, [item.plain() for item in selection.left_out], provenance(sheet))
                    return self._make(identifier, request, sheet, described)
        return formed

    def _known(self, identifier: str) -> FormedBatch | None:
        """The batch of this content, if it is formed."""
        with self.database.read() as session:
            known = session.get(Batch, identifier)
        return FormedBatch(_usable(known), created=False) if known is not None and known.formed else None

    def _make(
        self, identifier: str, request: BatchRequest, sheet: Worksheet, described: _Described
    ) -> FormedBatch | None:
        """Steps (3) to (5)."""
        self._begin(identifier, request, sheet)
        sha256 = self.store.files.write(batch_path(identifier), sheet.blocks())  # (4)
        self._record_members(identifier, sheet)
        return self._finish(identifier, sheet, sha256, described)  # (5)

    def _begin(self, identifier: str, request: BatchRequest, sheet: Worksheet) -> None:
        """Say that the batch is being made, and of which shipments, before there is a copy."""
        now = time.time()
        counts = {
            "instances": sheet.count("SELECT count(*) FROM instance"),
            "annotations": sheet.count("SELECT count(*) FROM instance WHERE annotation"),
        }
        batch = {"id": identifier, "project": request.project, "file_sha256": "", "facts": {}, "formed": False}
        asked = {"spec_digest": request.spec_digest, "test_percent": request.test_percent, "created_at": now}
        with self.database.write() as session:
            insert_absent(session, Batch, [{**batch, **asked, **counts}])
            session.execute(update(Batch).where(Batch.id == identifier, ~Batch.formed).values(created_at=now))
            note_copy(session, "batch", batch_uri(identifier), batch=identifier)
        shipments = ({"batch_id": identifier, "shipment_id": one} for one, _ in sheet.members("shipment"))
        self._insert(BatchShipment, shipments)

    def _record_members(self, identifier: str, sheet: Worksheet) -> None:
        studies = sheet.members("study")
        self._insert(
            BatchStudy, ({"batch_id": identifier, "study_id": row[0], "version": row[1]} for _, row in studies)
        )
        documents = sheet.members("labels")
        self._insert(BatchLabels, ({"batch_id": identifier, "document_id": one} for one, _ in documents))
        self._insert(BatchInstance, ({"batch_id": identifier, "instance_id": one} for one in sheet.ids()))

    def _insert(self, table: type[Table], rows: Iterable[dict[str, Any]]) -> None:
        for some in _chunks(rows):
            with self.database.write() as session:
                insert_absent(session, table, some)

    def _finish(self, identifier: str, sheet: Worksheet, sha256: str, described: _Described) -> FormedBatch | None:
        with self.database.write() as session:
            hold_shared(session)
            batch = session.get(Batch, identifier, with_for_update=True)
            shipments = (one for one, _ in sheet.members("shipment"))
            gone = select(Shipment.id).where(Shipment.withdrawn_by.is_not(None))
            withdrawn = any(
                session.scalar(gone.where(Shipment.id.in_(part)).limit(1)) is not None for part in in_parts(shipments)
            )
            if batch is not None and not withdrawn:
                _usable(batch)
                created = not batch.formed
                if created:
                    batch.formed, batch.file_sha256, batch.created_at = True, sha256, time.time()
                    batch.facts = described.facts
                    batch.details = {"left_out": described.left_out, "provenance": described.provenance}
                    counts = {"instances": batch.instances, "annotations": batch.annotations}
                    record(session, "batch-formed", ("batch", identifier), batch.project, **counts)
                return FormedBatch(batch, created=created)
        self._discard(identifier)
        return None

    def _discard(self, identifier: str) -> None:
        """Remove what was made of a batch that may not be."""
        self.store.files.remove(batch_path(identifier))
        for table in _MEMBERS:
            self._delete(table, identifier)
        with self.database.write() as session:
            session.get(Batch, identifier, with_for_update=True)  # first, as where it begins: two wait in one order
            session.execute(delete(Copy).where(Copy.kind == "batch", Copy.uri == batch_uri(identifier)))
            session.execute(delete(Batch).where(Batch.id == identifier, ~Batch.formed))

    def _delete(self, table: type[Table], identifier: str) -> None:
        """Remove a batch's members of a kind, some at a time."""
        of_batch, key = table.__table__.c.batch_id, [c for c in table.__table__.c if c.primary_key][1]
        while True:
            with self.database.write() as session:
                some = select(key).where(of_batch == identifier).limit(_AT_ONCE)
                done = session.execute(delete(table).where(of_batch == identifier, key.in_(some.scalar_subquery())))
                if not getattr(done, "rowcount", 0):
                    return


def _usable(batch: Batch) -> Batch:
    """Let a batch pass that was not withdrawn.

    Raises:
        BatchError: it was: its content may not come back by another shipment.
    """
    if batch.withdrawn_by is not None:
        raise BatchError(
            "A batch of this very content was withdrawn.",
            code="batch-withdrawn",
            remedy="The same content came again by another shipment: withdraw that too, or leave its studies out.",
        )
    return batch


def _chunks(items: Iterable[Item]) -> Iterator[list[Item]]:
    source = iter(items)
    while some := list(islice(source, _AT_ONCE)):
        yield some
