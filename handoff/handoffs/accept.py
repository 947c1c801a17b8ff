"""Accept a handoff: write what was decided with its outbox row, in one transaction, once for each key.

A target, or a pool of equal ones, is what a handoff names. A pool's handoff has the pool's name as its target until a
worker takes it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from handoff.database.engine import Database
from handoff.database.tables import Handoff, OutboxRow
from handoff.errors import RunError
from handoff.handoffs.decide import decide
from handoff.handoffs.states import State, note
from handoff.pools import gpus_of_run, members_of
from handoff.schemas.handoffs import HandoffRequest
from handoff.settings import Settings
from handoff.targets import ServedModelTarget, Target, runs_beside

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AcceptedHandoff:
    """The handoff's id, whether this request made it, and then the row that it wrote."""

    id: str
    created: bool
    row: Handoff | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class HandoffAcceptance:
    """What accepting needs; one per process."""

    database: Database
    settings: Settings

    def accept(self, request: HandoffRequest, asked_by: str | None = None) -> AcceptedHandoff:
        """Accept a decision, or return the handoff that it already is.

        Raises:
            RunError: it could never become a run that can be believed.
        """
        return self.accept_and(request, asked_by, lambda _session, accepted: accepted)

    def accept_and(
        self, request: HandoffRequest, asked_by: str | None, then: Callable[[Session, AcceptedHandoff], T]
    ) -> T:
        """The same, and return what `then` makes of it in the same transaction, where all of it is at hand.

        Raises:
            RunError: it could never become a run that can be believed.
        """

        def work(session: Session) -> T:
            return then(session, self.accept_within(session, request, asked_by))

        try:
            return self.database.together(work)
        except IntegrityError:
            # Another replica wrote the same key between our look and our write; now we see it.
            with self.database.write() as session:
                return work(session)

    def accept_within(self, session: Session, request: HandoffRequest, asked_by: str | None = None) -> AcceptedHandoff:
        """The same in the caller's transaction, so that what the caller writes stands or falls with the handoff.

        Raises:
            RunError: it could never become a run that can be believed.
            IntegrityError: another replica accepted the same decision meanwhile; the transaction is over.
        """
        return write_once(session, self.decide(session, request), asked_by)

    def decide(self, session: Session, request: HandoffRequest, prepared_by: str | None = None) -> Handoff:
        """Check a decision and name it, as `handoff.handoffs.decide` does; its target or pool is of these settings.

        Raises:
            RunError: it could never become a run that can be believed.
        """
        targets = [self.settings.targets.get(name) for name in members_of(self.settings.pools, request.target)]
        target = targets[0]  # the members of a pool are equal in all that is asked here
        if target is None:
            raise RunError("The target is not among those of handoff.yaml.", code="target-unknown")
        _fit_target(target, request)
        handoff = decide(session, request, beside=runs_beside(target), prepared_by=prepared_by)
        handoff.pool = request.target if request.target in self.settings.pools else None
        handoff.gpus = gpus_of_run(target)
        self._fit_quota(handoff)
        return handoff

    def _fit_quota(self, handoff: Handoff) -> None:
        project = self.settings.projects.get(handoff.project)
        if project is not None and project.gpus is not None and handoff.gpus > project.gpus:
            message = f"A run takes {handoff.gpus} GPUs, and the project may have {project.gpus} at one time."
            raise RunError(message, code="gpu-quota", remedy="Name a target whose runs take fewer, or raise the quota.")


def write_once(session: Session, handoff: Handoff, asked_by: str | None) -> AcceptedHandoff:
    """Write a handoff with its outbox row, unless its key is known.

    Raises:
        IntegrityError: another replica writes the same key at this moment; the transaction is over.
    """
    known = session.scalar(select(Handoff.id).where(Handoff.key == handoff.key))
    if known is not None:
        return AcceptedHandoff(known, created=False)
    handoff.asked_by = asked_by
    session.add(handoff)
    session.flush()
    queue_up(session, handoff, handoff.created_at)
    note(session, handoff, State.ACCEPTED)
    return AcceptedHandoff(handoff.id, created=True, row=handoff)


def queue_up(session: Session, handoff: Handoff, now: float | None = None) -> None:
    """Write the outbox row of a handoff that waits for a worker."""
    due_at = time.time() if now is None else now
    session.add(OutboxRow(handoff_id=handoff.id, target=handoff.target, due_at=due_at))


def _fit_target(target: Target, request: HandoffRequest) -> None:
    """A target that serves one model takes inference by that model, as the model was registered, and nothing else."""
    if not isinstance(target, ServedModelTarget):
        return
    if request.kind != "infer":
        message = "The target serves one model, so it takes handoffs of kind infer alone."
        raise RunError(message, code="target-kind", remedy="Name a target that runs pipelines.")
    if request.model != target.model:
        message = f"The target serves {target.model}, and the handoff names another model."
        raise RunError(message, code="target-model", remedy="Name the target that serves this model.")
    if request.parameters:
        message = "A served model takes no parameters."
        raise RunError(
            message, code="target-parameters", remedy="Leave them out, or name a target that runs pipelines."
        )
