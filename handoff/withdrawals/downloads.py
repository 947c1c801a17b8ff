"""Write down who fetched something, and until when they may keep it, before the first byte leaves."""

import time

from sqlalchemy import select

from handoff.database.engine import Database
from handoff.database.tables import Copy
from handoff.errors import WithdrawnError
from handoff.withdrawals.copies import note_copy
from handoff.withdrawals.gate import hold_shared, is_withdrawn
from handoff.withdrawals.kinds import download_uri

_DAY = 86_400.0
_AGAIN_SECONDS = 3600.0
"""One fetches many files at a time; the copy is written down anew this often."""


def note_download(database: Database, who: str, days: int, *, batch: str, handoff: str | None = None) -> None:
    """Say that somebody has a copy of what a batch, or a run on it, holds.

    Raises:
        WithdrawnError: something of the batch was withdrawn at this moment.
    """
    uri, now = download_uri(handoff or batch, who), time.time()
    with database.read() as session:
        known = session.scalar(select(Copy.made_at).where(Copy.kind == "download", Copy.uri == uri))
    if known is not None and known > now - _AGAIN_SECONDS:
        return
    with database.write() as session:
        hold_shared(session)
        if is_withdrawn(session, batch):
            raise WithdrawnError("Something of this batch was withdrawn.", code="batch-withdrawn")
        ends = now + days * _DAY
        note_copy(session, "download", uri, batch=batch, handoff=handoff, holder=who, expires_at=ends)
