"""The batches, handoffs and copies that a withdrawal reaches, by its shipments; nothing of it is stored twice."""

from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from handoff.database.tables import BatchShipment, Copy, Handoff, ModelVersion, Shipment, WithdrawnShipment
from handoff.handoffs.states import ENDED
from handoff.withdrawals.backups import backups_with
from handoff.withdrawals.gate import in_parts
from handoff.withdrawals.kinds import digest_of_package, model_uri, package_uri


def shipments_of(session: Session, withdrawal_id: str) -> Sequence[str]:
    """Every shipment of a withdrawal, whether or not it arrived."""
    chosen = select(WithdrawnShipment.shipment_id).where(WithdrawnShipment.withdrawal_id == withdrawal_id)
    return session.scalars(chosen.order_by(WithdrawnShipment.shipment_id)).all()


def arrived_of(session: Session, withdrawal_id: str) -> Sequence[str]:
    """Those that arrived."""
    return session.scalars(_of_arrived(Shipment.id, withdrawal_id).order_by(Shipment.id)).all()


def patients_of(session: Session, withdrawal_id: str) -> Sequence[str]:
    """Pseudonyms of those whose shipments arrived."""
    return session.scalars(_of_arrived(Shipment.patient, withdrawal_id).distinct()).all()


def batches_of(session: Session, withdrawal_id: str) -> Sequence[str]:
    """Batches with at least one instance of its shipments."""
    mine = select(WithdrawnShipment.shipment_id).where(WithdrawnShipment.withdrawal_id == withdrawal_id)
    chosen = select(BatchShipment.batch_id).where(BatchShipment.shipment_id.in_(mine))
    return session.scalars(chosen.distinct().order_by(BatchShipment.batch_id)).all()


def running_of(session: Session, batches: Iterable[str]) -> list[Handoff]:
    """Handoffs of the batches that have not ended."""
    ended = [state.value for state in ENDED]
    found: list[Handoff] = []
    for part in in_parts(batches):
        found += session.scalars(select(Handoff).where(Handoff.batch_id.in_(part), Handoff.state.not_in(ended)))
    return found


def copies_of(session: Session, withdrawal_id: str) -> list[Copy]:
    """Every copy that holds something of its shipments, by id.

    A package is looked for by its digest, since a copy has one shipment and the same bytes may have come as several.
    """
    batches = batches_of(session, withdrawal_id)
    packages = map(package_uri, session.scalars(_of_arrived(Shipment.sha256, withdrawal_id).distinct()))
    found = {copy.id: copy for copy in _copies(session, packages, Copy.uri.in_)}
    found |= {copy.id: copy for copy in _copies(session, shipments_of(session, withdrawal_id), Copy.shipment_id.in_)}
    found |= {copy.id: copy for copy in _copies(session, batches, Copy.batch_id.in_)}
    found |= {copy.id: copy for copy in backups_with(session, withdrawal_id)}
    found |= {copy.id: copy for copy in _copies(session, map(model_uri, _models_of(session, batches)), Copy.uri.in_)}
    for part in in_parts(batches):
        by_handoff = select(Handoff.id).where(Handoff.batch_id.in_(part))
        found |= {copy.id: copy for copy in session.scalars(select(Copy).where(Copy.handoff_id.in_(by_handoff)))}
    return [found[key] for key in sorted(found)]


def _of_arrived(column: InstrumentedAttribute[str], withdrawal_id: str) -> Select[str]:
    """A column alone: a withdrawal may have very many shipments."""
    mine = select(WithdrawnShipment.shipment_id).where(WithdrawnShipment.withdrawal_id == withdrawal_id)
    return select(column).where(Shipment.id.in_(mine))


def _models_of(session: Session, batches: Sequence[str]) -> set[str]:
    """Models that were trained on the batches, and those that began with one of these, and so on."""
    found: set[str] = set()
    new: set[str] = set()
    trained = select(ModelVersion.id).join(Handoff, Handoff.id == ModelVersion.handoff_id)
    for part in in_parts(batches):
        new.update(session.scalars(trained.where(Handoff.batch_id.in_(part))))
    while new:
        found |= new
        later: set[str] = set()
        for part in in_parts(new):
            later.update(session.scalars(trained.where(Handoff.model_id.in_(part))))
        new = later - found
    return found


def shared_packages(session: Session, copies: Iterable[Copy]) -> set[int]:
    """Of packages those whose bytes are also a shipment's that nobody withdrew."""
    by_digest = {digest_of_package(copy.uri): copy.id for copy in copies if copy.kind == "package"}
    shared: set[int] = set()
    for part in in_parts(by_digest):
        live = select(Shipment.sha256).where(Shipment.sha256.in_(part), Shipment.withdrawn_by.is_(None))
        shared.update(by_digest[sha256] for sha256 in session.scalars(live))
    return shared


def _copies(
    session: Session, values: Iterable[str], among: Callable[[Sequence[str]], ColumnElement[bool]]
) -> list[Copy]:
    found: list[Copy] = []
    for part in in_parts(values):
        found += session.scalars(select(Copy).where(among(part)))
    return found
