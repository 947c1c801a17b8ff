"""End a withdrawal: when nothing is left to do, say so, signed."""

import time

from sqlalchemy.orm import Session

from handoff.contract.withdrawal import Certificate, SignedCertificate
from handoff.database.engine import Database
from handoff.database.tables import Withdrawal
from handoff.errors import ConflictError, NotFoundError
from handoff.receipts import ReceiptSigner
from handoff.withdrawals.account import SHARED, Account, account, day_of
from handoff.withdrawals.copies import PURGED, REMAINS
from handoff.withdrawals.purge import DROPPED_LABELS, ENDED_RUNS
from handoff.withdrawals.scope import arrived_of, batches_of, shipments_of

_LASTING = frozenset({SHARED, "derived-model", "ids-and-figures"})
"""Reasons of what stays by decision; a withdrawal with no other remainder counts as purged."""


def finish(database: Database, signer: ReceiptSigner, withdrawal_id: str) -> bool:
    """Write the certificate if no run and no copy is left to end; whether it has ended."""
    now = time.time()
    with database.read() as session:  # of one moment; after the tombstone copies can only become fewer
        row = session.get_one(Withdrawal, withdrawal_id)
        if row.ended_at is not None:
            return True
        found = account(session, row, now)
        if found.marking or found.waiting or found.running:
            return False
        certificate = _certificate(session, row, found, signer.key_id, now)
    signed = SignedCertificate(certificate=certificate, signature=signer.signature(certificate.signed_bytes()))
    done = {name: row.certificate[name] for name in (DROPPED_LABELS, ENDED_RUNS) if name in row.certificate}
    state = REMAINS if any(copy.reason not in _LASTING for copy in found.remains) else PURGED
    with database.write() as session:
        seen, row = row.certificate, session.get_one(Withdrawal, withdrawal_id, with_for_update=True)
        if row.ended_at is None and row.certificate == seen:
            row.certificate, row.state, row.ended_at = {**done, "signed": signed.plain()}, state, now
        return row.ended_at is not None


def certificate_of(session: Session, withdrawal_id: str) -> SignedCertificate:
    """The certificate of a withdrawal that has ended.

    Raises:
        NotFoundError: there is no such withdrawal.
        ConflictError: it is still purging.
    """
    row = session.get(Withdrawal, withdrawal_id)
    if row is None:
        raise NotFoundError
    if row.ended_at is None:
        raise ConflictError(
            "The withdrawal is still purging copies.",
            code="withdrawal-purging",
            remedy="GET /v1/withdrawals/{id} says what it waits for; ask again when it has ended.",
        )
    return SignedCertificate.model_validate(row.certificate["signed"])


def _certificate(session: Session, row: Withdrawal, found: Account, key_id: str, now: float) -> Certificate:
    named = shipments_of(session, row.id)
    arrived = set(arrived_of(session, row.id))
    return Certificate.model_validate(
        {
            "id": row.id,
            "project": row.project,
            "reason": row.reason,
            "asked_on": day_of(row.asked_at),
            "ended_on": day_of(now),
            "shipments": tuple(named),
            "never_arrived": tuple(one for one in named if one not in arrived),
            "batches": tuple(batches_of(session, row.id)),
            "handoffs_ended": tuple(row.certificate.get(ENDED_RUNS, ())),
            "label_rows": row.certificate.get(DROPPED_LABELS, 0),
            "purged": found.purged,
            "remains": found.remains,
            "key_id": key_id,
        }
    )
