"""A person ends a handoff: at once when no worker has it, else the worker ends it."""

import time

from sqlalchemy import select

from handoff.database.engine import Database
from handoff.database.tables import Handoff, OutboxRow
from handoff.errors import ConflictError, NotFoundError
from handoff.handoffs.lease import leased
from handoff.handoffs.outbox import settle
from handoff.handoffs.states import ENDED, WAITING, State, note, transition

ASKED = "cancel-asked"
"""The event of a handoff that its worker is to end."""


def cancel(database: Database, handoff_id: str) -> None:
    """Ask for the end of a handoff; asking again ends one that its worker had and left, and else changes nothing.

    Raises:
        NotFoundError: there is no such handoff.
        ConflictError: it ended otherwise.
    """
    with database.write() as session:
        handoff = session.get(Handoff, handoff_id, with_for_update=True)
        if handoff is None:
            raise NotFoundError
        if handoff.state == State.CANCELED or (handoff.cancel_asked and State(handoff.state) in ENDED):
            return
        if State(handoff.state) in ENDED:
            raise ConflictError("The handoff has already ended.", code="ended", remedy="Nothing is left to cancel.")
        # Locked: else a worker could take it now and begin what we end.
        row = session.scalar(select(OutboxRow).where(OutboxRow.handoff_id == handoff_id).with_for_update())
        if State(handoff.state) in WAITING and row is not None and not leased(row, time.time()):
            settle(session, handoff_id)
            transition(session, handoff, State.CANCELED, "asked")
            return
        if not handoff.cancel_asked:
            handoff.cancel_asked = True
            note(session, handoff, ASKED)
