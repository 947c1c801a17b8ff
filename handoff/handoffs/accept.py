"""Accept a handoff: write what was decided with its outbox row, in one transaction, once for each key.

A target, or a pool of equal ones, is what a handoff names. A pool's handoff has the pool's name as its target until a
worker takes it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from handoff.database.dialect import insert_if_absent
from handoff.database.engine import Database
from handoff.database.tables import Handoff, ModelVersion, OutboxRow
from handoff.errors import RunError
from handoff.handoffs.decide import Decision, Seen, all_seen, decide
from handoff.handoffs.states import Noted, State, note
from handoff.pools import gpus_of_run, members_of
from handoff.schemas.handoffs import HandoffRequest
from handoff.settings import Settings
from handoff.targets import ServedModelTarget, Target, runs_beside

_COLUMNS = tuple(Handoff.__table__.columns.keys())
_QUEUED = insert(OutboxRow.__table__)


@dataclass(frozen=True, slots=True)
class Made:
    """What a request wrote: the decision, and its first event."""

    decision: Decision
    event: Noted


@dataclass(frozen=True, slots=True)
class AcceptedHandoff:
    """The handoff's id, whether this request made it, and then what it wrote."""

    id: str
    created: bool
    made: Made | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class HandoffAcceptance:
    """What accepting needs; one per process."""

    database: Database
    settings: Settings

    def accept(
        self,
        request: HandoffRequest,
        asked_by: str | None = None,
        *,
        sees: Seen = all_seen,
        also: Callable[[Session, AcceptedHandoff], None] | None = None,
    ) -> AcceptedHandoff:
        """Accept a decision, or return the handoff that it already is.

        Args:
            request: the decision.
            asked_by: whose it is.
            sees: whether the asker sees a project.
            also: what it writes stands or falls with the handoff; it may be called again if the transaction is.

        Raises:
            RunError: it could never become a run that can be believed.
        """

        def work(session: Session) -> AcceptedHandoff:
            accepted = write_once(session, self.decide(session, request, sees=sees), asked_by)
            if also is not None:
                also(session, accepted)
            return accepted

        return self.database.together(work)

    def decide(
        self, session: Session, request: HandoffRequest, prepared_by: str | None = None, sees: Seen = all_seen
    ) -> Decision:
        """Check a decision and name it, as `handoff.handoffs.decide` does; its target or pool is of these settings.

        Raises:
            RunError: it could never become a run that can be believed.
        """
        targets = [self.settings.targets.get(name) for name in members_of(self.settings.pools, request.target)]
        target = targets[0]  # the members of a pool are equal in all that is asked here
        if target is None:
            raise RunError("The target is not among those of handoff.yaml.", code="target-unknown")
        _fit_target(target, request)
        beside = runs_beside(target)
        decision = decide(session, request, beside=beside, prepared_by=prepared_by, sees=sees, lent=self._lent)
        handoff = decision.handoff
        handoff.pool = request.target if request.target in self.settings.pools else None
        handoff.gpus = gpus_of_run(target)
        self._fit_quota(handoff)
        return decision

    def _lent(self, model: ModelVersion, project: str) -> bool:
        return self.settings.may_use(project, model.name, of=model.project)

    def _fit_quota(self, handoff: Handoff) -> None:
        project = self.settings.projects.get(handoff.project)
        if project is not None and project.gpus is not None and handoff.gpus > project.gpus:
            message = f"A run takes {handoff.gpus} GPUs, and the project may have {project.gpus} at one time."
            raise RunError(message, code="gpu-quota", remedy="Name a target whose runs take fewer, or raise the quota.")


def write_once(session: Session, decision: Decision, asked_by: str | None) -> AcceptedHandoff:
    """Write a handoff with its outbox row, unless its key is known; one that another replica just writes is awaited."""
    handoff = decision.handoff
    handoff.asked_by = asked_by
    if not insert_if_absent(session, Handoff, {name: getattr(handoff, name) for name in _COLUMNS}):
        known = session.scalars(select(Handoff.id).where(Handoff.key == handoff.key)).one()
        return AcceptedHandoff(known, created=False)
    queue_up(session, handoff, handoff.created_at)
    event = note(session, handoff, State.ACCEPTED)
    return AcceptedHandoff(handoff.id, created=True, made=Made(decision, event))


def queue_up(session: Session, handoff: Handoff, now: float | None = None) -> None:
    """Write the outbox row of a handoff that waits for a worker."""
    due_at = time.time() if now is None else now
    session.connection().execute(_QUEUED, {"handoff_id": handoff.id, "target": handoff.target, "due_at": due_at})


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
