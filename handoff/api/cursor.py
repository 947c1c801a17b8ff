"""Cursors of lists whose newest item comes first: a moment and an id, so that what is new moves no page."""

import math

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import InstrumentedAttribute

from handoff.errors import RefusedError


def newest_cursor(at: float, identifier: str) -> str:
    """The cursor after this item."""
    return f"{at.hex()}~{identifier}"


def older_than(
    after: str | None, at: InstrumentedAttribute[float], identifier: InstrumentedAttribute[str]
) -> tuple[ColumnElement[bool], ...]:
    """The condition for items that come after a cursor, newest first; none without one.

    Raises:
        RefusedError: it is none that this service gave.
    """
    if after is None:
        return ()
    moment, _, last = after.partition("~")
    try:
        when = float.fromhex(moment)
    except (ValueError, OverflowError):
        when = math.nan
    if not math.isfinite(when) or not last.isalnum() or not last.isascii():
        raise RefusedError("The cursor is none that this service gave.", code="cursor", remedy="Start without `after`.")
    return (or_(at < when, and_(at == when, identifier < last)),)
