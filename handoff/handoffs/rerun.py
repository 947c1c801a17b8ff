"""A person lets an ended handoff run once more: a new handoff, with a new key, that says of which and why.

Everything else is as it was: batch, volumes, pipeline version, parameters, model, and the pool or target as it was
named. The key is the digest of the first one's key and the reason, so that the same wish is the same rerun, however
often it is sent; who wants one more of the same runs the newest again.
"""

from sqlalchemy.orm import Session

from handoff.contract.canonical import canonical_digest
from handoff.database.tables import Handoff
from handoff.errors import ConflictError, NotFoundError
from handoff.handoffs.accept import AcceptedHandoff, HandoffAcceptance, write_once
from handoff.handoffs.states import ENDED, State
from handoff.schemas.handoffs import HandoffRequest


def rerun(acceptance: HandoffAcceptance, handoff_id: str, reason: str, asked_by: str | None = None) -> AcceptedHandoff:
    """Make the rerun, or return the one that this wish already is.

    Raises:
        NotFoundError: there is no such handoff.
        ConflictError: it has not ended.
        RunError: what it needs is not there any more.
    """
    with acceptance.database.write() as session:
        return _rerun(session, acceptance, handoff_id, reason, asked_by)


def _rerun(
    session: Session, acceptance: HandoffAcceptance, handoff_id: str, reason: str, asked_by: str | None
) -> AcceptedHandoff:
    first = session.get(Handoff, handoff_id)
    if first is None:
        raise NotFoundError
    if State(first.state) not in ENDED:
        message = "The handoff has not ended."
        raise ConflictError(message, code="under-way", remedy="Wait for its end, or POST its :cancel.")
    decision = acceptance.decide(session, _request(first), prepared_by=first.prepared_by)
    again = decision.handoff
    again.key = canonical_digest({"schema": "sluice.rerun/1", "of": first.key, "reason": reason})
    again.rerun_of, again.rerun_reason = first.id, reason
    return write_once(session, decision, asked_by)


def _request(first: Handoff) -> HandoffRequest:
    return HandoffRequest.model_validate(
        {
            "kind": first.kind,
            "batch": first.batch_id,
            "target": first.pool or first.target,
            "pipeline": first.pipeline_id,
            "parameters": first.parameters,
            "model": first.model_id,
        }
    )
