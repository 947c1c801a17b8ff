"""GET what is in a batch: its lines, the packages behind them, and a description that other tools read."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query
from fastapi.responses import JSONResponse, Response, StreamingResponse
from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.access.principal import Principal
from handoff.api.dependencies import ServiceDep, WhoDep, allowed
from handoff.api.problems import problems
from handoff.api.ranges import file_from
from handoff.batches.croissant import croissant
from handoff.contract.identifiers import Digest, RandomId
from handoff.database.tables import Batch, BatchShipment, Handoff, Shipment
from handoff.errors import NotFoundError, WithdrawnError
from handoff.store.files import Files, OutsideError, digest_of
from handoff.store.store import batch_path, package_path, prepared_path
from handoff.withdrawals.downloads import note_download

router = APIRouter(tags=["batches"])
Range = Annotated[str | None, Header(description="bytes=N- goes on with a download at byte N.")]
_LINES = "application/jsonl"
_PARTS: dict[int | str, dict[str, Any]] = {
    206: {"description": "The rest of it"},
    416: {"description": "There is nothing from this byte on"},
}


@router.get(
    "/v1/batches/{batch_id}/lines",
    dependencies=allowed("read"),
    response_class=StreamingResponse,
    responses={200: {"content": {_LINES: {}}, "description": "JSON Lines"}, **_PARTS, **problems(404, 410)},
)
def get_lines(
    batch_id: Annotated[Digest, Path()],
    service: ServiceDep,
    who: WhoDep,
    prepared_by: Annotated[RandomId | None, Query(description="The handoff whose volumes come along.")] = None,
    range: Range = None,  # noqa: A002 - the header's name
) -> Response:
    """Give the lines of a batch, as a pipeline's `batch_uri` names them; `Sluice-SHA256` is their digest.

    Whoever fetches them has a copy, which a withdrawal will ask back: it is written down with their name.
    """
    files = service.store.files
    with service.database.read() as session:
        batch = _find(session, who, batch_id)
        path, sha256 = batch_path(batch.id), batch.file_sha256
        if prepared_by is not None:
            handoff = session.get(Handoff, prepared_by)
            if handoff is None or (handoff.batch_id, handoff.kind, handoff.state) != (batch.id, "prepare", "SUCCEEDED"):
                raise NotFoundError("No such handoff has prepared this batch.")
            path = prepared_path(batch.id, handoff.key)
            sha256 = _digest(files, path)
    note_download(service.database, who.name, service.settings.download_days, batch=batch_id)
    return file_from(files, path, sha256, _LINES, range)


@router.get(
    "/v1/batches/{batch_id}/packages/{sha256}",
    dependencies=allowed("read"),
    response_class=StreamingResponse,
    responses={
        200: {"content": {"application/zip": {}}, "description": "A stored ZIP"},
        **_PARTS,
        **problems(404, 410),
    },
)
def get_package(
    batch_id: Annotated[Digest, Path()],
    sha256: Annotated[Digest, Path()],
    service: ServiceDep,
    who: WhoDep,
    range: Range = None,  # noqa: A002 - the header's name
) -> Response:
    """Give one package of a batch, by the digest that its lines name it by."""
    with service.database.read() as session:
        batch = _find(session, who, batch_id)
        mine = select(BatchShipment.shipment_id).where(BatchShipment.batch_id == batch.id)
        chosen = select(Shipment.id).where(Shipment.sha256 == sha256, Shipment.id.in_(mine))
        if session.scalar(chosen.limit(1)) is None:
            raise NotFoundError("No line of this batch names such a package.")
    return file_from(service.store.files, package_path(sha256), sha256, "application/zip", range)


class LinkedData(JSONResponse):
    """JSON-LD, as Croissant is."""

    media_type = "application/ld+json"


@router.get(
    "/v1/batches/{batch_id}/croissant",
    dependencies=allowed("read"),
    response_class=LinkedData,
    responses=problems(404, 410),
)
def get_croissant(batch_id: Annotated[Digest, Path()], service: ServiceDep, who: WhoDep) -> LinkedData:
    """Describe a batch as Croissant 1.0; its tools read it beside the lines, named `batch.jsonl`."""
    with service.database.read() as session:
        batch = _find(session, who, batch_id)
    try:
        size = service.store.files.size(batch_path(batch_id))
    except (OSError, OutsideError) as error:
        raise NotFoundError("The lines of the batch are gone from the store.") from error
    return LinkedData(croissant(batch, size))


def _digest(files: Files, path: str) -> str:
    """The digest of a file of the store.

    Raises:
        NotFoundError: it is not there any more.
    """
    try:
        return digest_of(files, path)
    except (OSError, OutsideError) as error:
        raise NotFoundError("The lines with the volumes are gone from the store.") from error


def _find(session: Session, who: Principal, batch_id: str) -> Batch:
    """A batch that may be read.

    Raises:
        NotFoundError: there is none, or it is another project's.
        WithdrawnError: something of it was withdrawn.
    """
    batch = session.get(Batch, batch_id)
    if batch is None or not batch.formed:
        raise NotFoundError
    who.require_project(batch.project)
    if batch.withdrawn_by is not None:
        raise WithdrawnError(
            "Something of this batch was withdrawn.",
            code="batch-withdrawn",
            remedy="Delete what you fetched of it, and form a new batch.",
        )
    return batch
