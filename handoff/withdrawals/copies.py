"""Write a copy of patients' data down, in the transaction of whoever makes it, before the bytes are there."""

import time

from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.database.dialect import insert_if_absent
from handoff.database.tables import Copy, Handoff, TargetPlace
from handoff.withdrawals.kinds import KindName, engine_uri, result_uri, run_uri

PRESENT = "present"
PURGING = "purging"
"""It is being removed: whoever wants its bytes looks whether they are there."""
PURGED = "purged"
REMAINS = "remains"
"""It could not be removed; its reason says why."""


def note_copy(
    session: Session,
    kind: KindName,
    uri: str,
    *,
    batch: str | None = None,
    shipment: str | None = None,
    handoff: str | None = None,
    holder: str | None = None,
    expires_at: float | None = None,
) -> str | None:
    """Say that a copy is there, or will be; returns the state of the one that was known by this URI before.

    Args:
        session: of the transaction that makes it, or of one before that.
        kind: one of `KINDS`.
        uri: where it is, as `kinds` writes it.
        batch: the batch that it is of.
        shipment: the shipment that it is of, where it is of one.
        handoff: the handoff whose run made it.
        holder: who has it, where that is not the store: a home's place, a person, a system.
        expires_at: when it will be gone by itself, UTC seconds.
    """
    now = time.time()
    known = session.scalar(select(Copy).where(Copy.kind == kind, Copy.uri == uri).with_for_update())
    if known is None:
        facts = {"batch_id": batch, "shipment_id": shipment, "handoff_id": handoff, "holder": holder}
        made = {"state": PRESENT, "made_at": now, "expires_at": expires_at}
        insert_if_absent(session, Copy, {"kind": kind, "uri": uri, **facts, **made})
        return None
    before = known.state
    known.state, known.reason, known.ended_at = PRESENT, None, None
    known.made_at, known.expires_at = now, expires_at
    return before


def note_run(session: Session, handoff: Handoff) -> None:
    """Say where a run will leave something, before it is sent to its engine."""
    batch, key = handoff.batch_id, handoff.key
    note_copy(session, "result", result_uri(key), batch=batch, handoff=handoff.id)
    place = session.get(TargetPlace, handoff.target)
    if place is not None:
        note_copy(session, "run", run_uri(place.place, key), batch=batch, handoff=handoff.id, holder=place.place)
        return
    elsewhere = engine_uri(handoff.target, handoff.id)
    note_copy(session, "engine", elsewhere, batch=batch, handoff=handoff.id, holder=handoff.target)
