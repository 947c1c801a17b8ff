"""Packages that were kept and never admitted: refused at the last look, or left by a service that was killed there."""

import structlog
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from handoff.database.engine import Database
from handoff.database.tables import Copy, Shipment
from handoff.errors import StoreDownError
from handoff.store import Store
from handoff.store.files import held
from handoff.store.store import package_path
from handoff.withdrawals.gate import hold_alone
from handoff.withdrawals.kinds import digest_of_package, package_uri

log = structlog.get_logger("handoff.store")


def drop_unadmitted(session: Session, store: Store, sha256: str) -> bool:
    """Remove a package that is no shipment's; the caller lets no delivery pass meanwhile. Whether it was one."""
    if session.scalar(select(Shipment.id).where(Shipment.sha256 == sha256).limit(1)) is not None:
        return False
    store.files.remove(package_path(sha256))
    session.execute(delete(Copy).where(Copy.kind == "package", Copy.uri == package_uri(sha256)))
    return True


def sweep_unadmitted(database: Database, store: Store) -> int:
    """Remove every such package; returns how many. One that another replica is about to admit is sent again.

    A store that does not answer leaves them to the next start.
    """
    admitted = select(Shipment.id).where(Shipment.id == Copy.shipment_id).exists()
    with database.read() as session:
        uris = session.scalars(select(Copy.uri).where(Copy.kind == "package", ~admitted)).all()
    removed = 0
    for uri in uris:
        try:
            sha256 = digest_of_package(uri)
            with held(store.files, package_path(sha256)), database.write() as session:
                hold_alone(session)
                removed += drop_unadmitted(session, store, sha256)
        except StoreDownError:
            log.warning("store-down", step="sweep")
            break
    return removed
