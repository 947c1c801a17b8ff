"""Handoffs for whoever asks: what is of a project that one may not see is not there."""

from typing import Annotated

from fastapi import Path
from sqlalchemy.orm import Session

from handoff.access.principal import Principal
from handoff.contract.identifiers import RandomId
from handoff.database.tables import Handoff
from handoff.errors import NotFoundError
from handoff.service import Service

HandoffId = Annotated[RandomId, Path()]


def seen(session: Session, who: Principal, handoff_id: str) -> Handoff:
    """A handoff of a project that this principal sees.

    Raises:
        NotFoundError: there is none.
    """
    row = session.get(Handoff, handoff_id)
    if row is None or not who.sees(row.project):
        raise NotFoundError("There is no such handoff.")
    return row


def require_seen(service: Service, who: Principal, handoff_id: str) -> Handoff:
    """The same, by a look of its own.

    Raises:
        NotFoundError: there is none.
    """
    with service.database.read() as session:
        return seen(session, who, handoff_id)
