"""Which outbox rows are to be had: those that are due, and that no worker has.

No row is ever due later than the longest pause, and none leased for longer than a lease: what says so was written
before the clock was put back, and would else keep its handoff waiting until the clock is there again.
"""

from sqlalchemy import ColumnElement, and_, or_

from handoff.database.tables import OutboxRow
from handoff.targets import LONGEST_CALL_SECONDS

LEASE_SECONDS = 2.0 * LONGEST_CALL_SECONDS
"""A lease outlives the longest call to an engine."""
_FAR_SECONDS = 600.0
"""Longer than any pause."""


def is_free(now: float) -> ColumnElement[bool]:
    """Rows that are due and that nobody has, as a condition of a query."""
    due = or_(OutboxRow.due_at <= now, OutboxRow.due_at > now + _FAR_SECONDS)
    return and_(due, ~is_leased(now))


def is_leased(now: float) -> ColumnElement[bool]:
    """Rows that a worker has; twice a lease, for clocks of two machines differ."""
    return and_(OutboxRow.leased_until > now, OutboxRow.leased_until <= now + 2 * LEASE_SECONDS)


def leased(row: OutboxRow, now: float) -> bool:
    """The same of a row in hand."""
    return now < row.leased_until <= now + 2 * LEASE_SECONDS
