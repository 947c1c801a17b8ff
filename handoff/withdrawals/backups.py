"""Backups hold what there was when they were taken, so a withdrawal reaches those taken since its shipments came."""

import time

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from handoff.database.engine import Database
from handoff.database.tables import Copy, Shipment, Withdrawal, WithdrawnShipment
from handoff.withdrawals.copies import note_copy
from handoff.withdrawals.kinds import backup_uri

_DAY = 86_400.0
_LONGEST_NAME = 128


def note_backup(database: Database, identifier: str, name: str, days: int | None) -> None:
    """Say that a backup is being taken, before anything of it is there.

    Args:
        database: of the home that is backed up.
        identifier: the backup's, the same where one goes on after a kill.
        name: which one it is, for people; no path of a machine.
        days: for which it is kept; None if nothing but a person ends it.
    """
    ends = None if days is None else time.time() + days * _DAY
    with database.write() as session:
        note_copy(session, "backup", backup_uri(identifier), holder=name[:_LONGEST_NAME], expires_at=ends)


def backups_with(session: Session, withdrawal_id: str) -> list[Copy]:
    """Backups that may hold something of a withdrawal: taken after the first of its shipments came, and before its end.

    One that goes on after a kill begins anew with the rows, and its time is that of its last beginning.
    """
    mine = select(WithdrawnShipment.shipment_id).where(WithdrawnShipment.withdrawal_id == withdrawal_id)
    first = session.scalar(select(func.min(Shipment.received_at)).where(Shipment.id.in_(mine)))
    if first is None:
        return []
    ended_at = session.get_one(Withdrawal, withdrawal_id).ended_at
    chosen = select(Copy).where(Copy.kind == "backup", Copy.made_at >= first)
    if ended_at is not None:
        chosen = chosen.where(Copy.made_at <= ended_at)
    return list(session.scalars(chosen))
