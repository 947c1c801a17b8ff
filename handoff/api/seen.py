"""Handoffs, batches and models for whoever asks: what is of a project that one may not see is not there."""

from typing import Annotated

from fastapi import Path
from sqlalchemy.orm import Session

from handoff.access.principal import Principal
from handoff.contract.identifiers import RandomId
from handoff.database.tables import Batch, Handoff
from handoff.errors import NotFoundError
from handoff.models.aliases import find_model
from handoff.schemas.handoffs import HandoffRequest
from handoff.service import Service

HandoffId = Annotated[RandomId, Path()]
_NO_BATCH, _NO_MODEL = "0" * 64, "none:0"


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


def as_seen_by(session: Session, who: Principal, request: HandoffRequest) -> HandoffRequest:
    """The decision as the asker means it: a batch or a model of others is, for it, none that there is."""
    batch = session.get(Batch, request.batch)
    model = None if request.model is None else find_model(session, request.model)
    unseen = {}
    if batch is not None and not who.sees(batch.project):
        unseen["batch"] = _NO_BATCH
    if model is not None and not who.sees(model.project):
        unseen["model"] = _NO_MODEL
    return request.model_copy(update=unseen)
