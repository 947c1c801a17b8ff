"""A withdrawal as the API shows it."""

import time
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from handoff.database.tables import Withdrawal, WithdrawnShipment
from handoff.schemas.withdrawals import WithdrawalItem, WithdrawalView
from handoff.withdrawals.account import account, counted
from handoff.withdrawals.mark import ASKED
from handoff.withdrawals.scope import arrived_of, batches_of, shipments_of


def show_withdrawal(session: Session, row: Withdrawal) -> WithdrawalView:
    """One withdrawal, and how far it is now."""
    found = account(session, row, time.time())
    named = row.certificate.get(ASKED) or shipments_of(session, row.id)
    arrived = set(arrived_of(session, row.id))
    return WithdrawalView.model_validate(
        {
            "id": row.id,
            "project": row.project,
            "reason": row.reason,
            "asked_by": row.asked_by,
            "state": row.state,
            "waiting_for": found.waiting_for if row.ended_at is None else (),
            "shipments": tuple(named),
            "never_arrived": tuple(one for one in named if one not in arrived),
            "batches": tuple(batches_of(session, row.id)),
            "handoffs": found.running,
            "purged": counted(found.purged),
            "remains": found.remains,
        }
    )


def show_items(session: Session, rows: Sequence[Withdrawal]) -> tuple[WithdrawalItem, ...]:
    """Withdrawals in a list."""
    mine = WithdrawnShipment.withdrawal_id.in_([row.id for row in rows])
    chosen = select(WithdrawnShipment.withdrawal_id, func.count()).where(mine)
    counts = {key: number for key, number in session.execute(chosen.group_by(WithdrawnShipment.withdrawal_id))}  # noqa: C416
    return tuple(
        WithdrawalItem.model_validate(
            {
                "id": row.id,
                "project": row.project,
                "reason": row.reason,
                "asked_by": row.asked_by,
                "state": row.state,
                "shipments": counts.get(row.id, 0),
            }
        )
        for row in rows
    )
