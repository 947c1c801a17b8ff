"""Write down that a mirror has ids and figures of a batch, before it is told any: a withdrawal names who has some."""

import time
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.database.engine import Database
from handoff.database.tables import Copy, Handoff, LineageEvent, ModelVersion, Promotion
from handoff.mirrors.interface import EVENT, Change, Mirror
from handoff.withdrawals.copies import note_copy
from handoff.withdrawals.kinds import mirror_uri

_DAY = 86_400.0
_TRAINED = select(Handoff.batch_id).join(ModelVersion, ModelVersion.handoff_id == Handoff.id)
_AGAIN_SECONDS = 3600.0
"""Of one batch many things are told; until when the mirror keeps them is written down anew this often."""


def note_told(database: Database, mirror: Mirror, change: Change) -> None:
    """Say that a mirror will have something of the batch that a change is about.

    One row for each mirror and batch, however much is told: what a certificate says of it is the same.
    """
    with database.read() as session:
        unsaid = [batch for batch in _batches(session, change.kind, change.subject) if _is_due(session, mirror, batch)]
    if not unsaid:
        return
    ends = None if mirror.keeps_days is None else time.time() + mirror.keeps_days * _DAY
    with database.write() as session:
        for batch in unsaid:
            uri = mirror_uri(mirror.name, batch)
            note_copy(session, "mirror", uri, batch=batch, holder=mirror.name, expires_at=ends)


def _is_due(session: Session, mirror: Mirror, batch: str) -> bool:
    said = select(Copy.made_at).where(Copy.kind == "mirror", Copy.uri == mirror_uri(mirror.name, batch))
    made_at = session.scalar(said)
    return made_at is None or made_at < time.time() - _AGAIN_SECONDS


def _batches(session: Session, kind: str, subject: str) -> Iterable[str]:
    """The batches of a handoff, a model version, a promotion, or of what an event of the log is about."""
    if kind == EVENT:
        kind, _, subject = session.get_one(LineageEvent, int(subject)).subject.partition(":")
    match kind:
        case "batch":
            return [subject]
        case "handoff":
            chosen = select(Handoff.batch_id).where(Handoff.id == subject)
        case "model":
            chosen = _TRAINED.where(ModelVersion.id == subject)
        case "promotion":
            chosen = _TRAINED.join(Promotion, Promotion.model_id == ModelVersion.id).where(Promotion.id == subject)
        case _:
            return []
    return session.scalars(chosen).all()
