"""Every file that the rows name, with its digest where one is recorded.

What was withdrawn is not named: its files may be gone at any moment, and no copy of it may be made.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.contract.result import RESULT_FILE
from handoff.database.tables import Batch, Handoff, PipelineVersion, ResultFileRow, Shipment
from handoff.handoffs.states import State
from handoff.store import Store
from handoff.store.files import Files
from handoff.store.store import batch_path, package_path, pipeline_path, prepared_path

_AT_ONCE = 1000
"""Rows that are held at once."""

Place = Literal["store", "results"]


class NamedFile(NamedTuple):
    """A file of the store or of the results; digest and size are None where no row has them."""

    place: Place
    path: str
    sha256: str | None
    size: int | None


def place_of_files(store: Store, place: Place) -> Files:
    """Where the files of a place lie."""
    return store.files if place == "store" else store.results


def named_files(session: Session) -> Iterator[NamedFile]:
    """Every file that a row of this moment names, without those of withdrawn shipments and batches."""
    packages = select(Shipment.sha256, Shipment.size).where(Shipment.withdrawn_by.is_(None)).distinct()
    for sha256, size in _stream(session, packages.order_by(Shipment.sha256)):
        yield NamedFile("store", package_path(sha256), sha256, size)
    pipelines = select(PipelineVersion.id, PipelineVersion.yaml_digest).order_by(PipelineVersion.id)
    for version, digest in _stream(session, pipelines):
        yield NamedFile("store", pipeline_path(version), digest, None)
    batches = select(Batch.id, Batch.file_sha256).where(Batch.formed, Batch.withdrawn_by.is_(None))
    for identifier, digest in _stream(session, batches.order_by(Batch.id)):
        yield NamedFile("store", batch_path(identifier), digest, None)
    yield from _of_results(session)


def _of_results(session: Session) -> Iterator[NamedFile]:
    ended = (
        select(Handoff.key, Handoff.kind, Handoff.batch_id)
        .join(Batch, Batch.id == Handoff.batch_id)
        .where(Handoff.state == State.SUCCEEDED.value, Batch.withdrawn_by.is_(None))
        .order_by(Handoff.id)
    )
    for key, kind, batch in _stream(session, ended):
        if kind == "prepare":
            yield NamedFile("store", prepared_path(batch, key), None, None)
        yield NamedFile("results", f"{key}/{RESULT_FILE}", None, None)
    files = (
        select(Handoff.key, ResultFileRow.path, ResultFileRow.sha256, ResultFileRow.size)
        .join(Handoff, Handoff.id == ResultFileRow.handoff_id)
        .join(Batch, Batch.id == Handoff.batch_id)
        .where(Batch.withdrawn_by.is_(None))
        .order_by(ResultFileRow.handoff_id, ResultFileRow.path)
    )
    for key, path, sha256, size in _stream(session, files):
        yield NamedFile("results", f"{key}/{path}", sha256, size)


def _stream(session: Session, chosen: object) -> Iterator[tuple]:  # type: ignore[type-arg]
    """Rows of a choice, some at a time."""
    yield from session.execute(chosen, execution_options={"yield_per": _AT_ONCE})  # type: ignore[call-overload]
