"""Ask for an alias to move, approve, refuse.

1. One at a time for each model: what the gate compares with cannot move meanwhile.
2. What is so already, or was asked for already, is returned as it is.
3. The gate is asked when somebody asks, and once more when somebody approves: by then the alias, the thresholds or the
   data may be others.
4. Every decision is kept, those of the gate too, and the log of lineage tells of each.
"""

import secrets
import time
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.access.principal import Principal
from handoff.database.dialect import hold_until_commit
from handoff.database.engine import Database
from handoff.database.tables import Alias, ModelVersion, Promotion
from handoff.errors import ConflictError, ForbiddenError, NotFoundError, PromotionError
from handoff.lineage.log import EventName, record
from handoff.models.evaluations import judged
from handoff.models.gate import Finding, Gate, judge, passed
from handoff.models.leaks import batches_of_line
from handoff.settings import Settings

WAITING, APPROVED, REFUSED = "waiting", "approved", "refused"
MOVED_AT_MLFLOW = "mirror:mlflow"
"""Who asks for what somebody moved at MLflow. It is not known who that was; no person and no token is called so."""
GATE = "gate"
"""Who decided where no person did."""
_NOT_REACHED = "the gate's demands are not reached"


@dataclass(frozen=True, slots=True)
class Promotions:
    """What promoting needs; one per process."""

    database: Database
    settings: Settings

    def ask(self, who: Principal, model: str, alias: str, version: int, reason: str) -> Promotion:
        """Let an alias stand for a version, or ask somebody else to let it.

        Raises:
            NotFoundError: there is no such version that they may see.
            ConflictError: the alias stands for a version of another project.
            PromotionError: the gate refuses; that is kept.
        """
        with self.database.write() as session:
            row = self.ask_within(session, who, f"{model}:{version}", alias, reason)
        if row.state == REFUSED:
            raise _refusal(row)
        return row

    def ask_within(self, session: Session, who: Principal, model_id: str, alias: str, reason: str) -> Promotion:
        """The same in the caller's transaction; one that the gate refused is returned as any other.

        Raises:
            NotFoundError: there is no such version that they may see.
            ConflictError: the alias stands for a version of another project.
        """
        model = model_id.partition(":")[0]
        hold_until_commit(session, f"aliases/{model}")  # (1)
        wanted = session.get(ModelVersion, model_id)
        if wanted is None or not who.sees(wanted.project):
            raise NotFoundError("There is no such model version.")
        now = _holder(session, wanted, alias)
        gate = self._gate(wanted.project)
        known = _known(session, wanted, alias, now)  # (2)
        if known is not None and not (_needs_a_person(gate, known) and who.name != MOVED_AT_MLFLOW):
            return known
        findings = _ask_gate(session, gate, wanted, now)  # (3)
        row = Promotion(
            id=secrets.token_hex(16),
            model=model,
            alias=alias,
            model_id=wanted.id,
            before=now.id if now else None,
            state=WAITING,
            gate=_kept(gate, findings),
            reason=reason,
            asked_by=who.name,
            asked_at=time.time(),
        )
        session.add(row)
        if not passed(findings):
            _decide(session, row, wanted.project, REFUSED, by=GATE, because=_NOT_REACHED)
        elif gate.second_person or not who.may("approve"):
            _tell(session, "promotion-asked", row, wanted.project)
        else:
            _move(session, row, wanted.project, who.name, reason)
        return row

    def approve(self, who: Principal, promotion_id: str, reason: str) -> Promotion:
        """Let the alias move.

        Raises:
            NotFoundError: there is no such promotion that they may see.
            ForbiddenError: the project wants a second person, and they asked for it themselves, or no known person did.
            ConflictError: it is decided already, or the alias moved since it was asked for.
            PromotionError: the gate refuses by now; that is kept.
        """
        with self.database.write() as session:
            row, wanted = _open(session, who, promotion_id)
            gate = self._gate(wanted.project)
            if gate.second_person and who.name == row.asked_by:
                raise ForbiddenError(
                    "Who asked for a promotion does not approve it here.",
                    code="second-person",
                    remedy="Let somebody else look at it and approve.",
                )
            if _needs_a_person(gate, row):
                raise ForbiddenError(
                    "Nobody knows who moved it at MLflow, so a second person is none yet.",
                    code="second-person",
                    remedy="Ask for the same in your own name, and let somebody else approve that.",
                )
            now = _holder(session, wanted, row.alias)
            if (now.id if now else None) != row.before:
                raise ConflictError(
                    "The alias moved since this was asked for.",
                    code="alias-moved",
                    remedy="Refuse it, look at the version that the alias stands for now, and ask again.",
                )
            findings = _ask_gate(session, gate, wanted, now)  # (3)
            row.gate = _kept(gate, findings)
            if passed(findings):
                _move(session, row, wanted.project, who.name, reason)
            else:
                _decide(session, row, wanted.project, REFUSED, by=GATE, because=_NOT_REACHED)
        if row.state == REFUSED:
            raise _refusal(row)
        return row

    def refuse(self, who: Principal, promotion_id: str, reason: str) -> Promotion:
        """Leave the alias where it is; who asked may also take it back so.

        Raises:
            NotFoundError: there is no such promotion that they may see.
            ConflictError: it is decided already.
        """
        with self.database.write() as session:
            row, wanted = _open(session, who, promotion_id)
            _decide(session, row, wanted.project, REFUSED, by=who.name, because=reason)
        return row

    def _gate(self, project: str) -> Gate:
        named = self.settings.projects.get(project)
        return named.promotion if named else Gate()


def _needs_a_person(gate: Gate, row: Promotion) -> bool:
    """Whether it waits for two people, and none of them is known yet: who moved it there may be who approves."""
    return gate.second_person and row.state == WAITING and row.asked_by == MOVED_AT_MLFLOW


def _open(session: Session, who: Principal, promotion_id: str) -> tuple[Promotion, ModelVersion]:
    row = session.get(Promotion, promotion_id)
    wanted = session.get(ModelVersion, row.model_id) if row else None
    if row is None or wanted is None or not who.sees(wanted.project):
        raise NotFoundError("There is no such promotion.")
    hold_until_commit(session, f"aliases/{row.model}")
    session.refresh(row)
    if row.state != WAITING:
        message = f"The promotion is {row.state} already."
        raise ConflictError(message, code="promotion-decided", remedy="Ask for a new one.")
    return row, wanted


def _holder(session: Session, wanted: ModelVersion, alias: str) -> ModelVersion | None:
    """The version that the alias stands for now."""
    row = session.get(Alias, (wanted.name, alias))
    if row is None:
        return None
    now = session.get_one(ModelVersion, row.model_id)
    if now.project != wanted.project:
        raise ConflictError(
            "The alias stands for a version of another project.",
            code="alias-of-another-project",
            remedy="Choose another alias, or train the model under another name.",
        )
    return now


def _known(session: Session, wanted: ModelVersion, alias: str, now: ModelVersion | None) -> Promotion | None:
    """Step (2)."""
    chosen = select(Promotion).where(
        Promotion.model == wanted.name, Promotion.alias == alias, Promotion.model_id == wanted.id
    )
    if now is not None and now.id == wanted.id:
        chosen = chosen.where(Promotion.state == APPROVED)
    else:
        chosen = chosen.where(Promotion.state == WAITING, Promotion.before == (now.id if now else None))
    by_person = (Promotion.asked_by == MOVED_AT_MLFLOW).asc()
    return session.scalar(chosen.order_by(by_person, Promotion.asked_at.desc()).limit(1))


def _ask_gate(session: Session, gate: Gate, wanted: ModelVersion, now: ModelVersion | None) -> tuple[Finding, ...]:
    withdrawn = any(batch.withdrawn_by is not None for batch in batches_of_line(session, wanted))
    before = now.metrics if now else None
    return judge(gate, wanted.metrics, before, withdrawn=withdrawn, judged=judged(session, gate, wanted, now))


def _kept(gate: Gate, findings: tuple[Finding, ...]) -> dict[str, object]:
    return {"second_person": gate.second_person, "findings": [finding.plain() for finding in findings]}


def _move(session: Session, row: Promotion, project: str, by: str, because: str) -> None:
    standing = session.get(Alias, (row.model, row.alias))
    if standing is None:
        standing = Alias(model=row.model, alias=row.alias)
        session.add(standing)
    standing.model_id, standing.set_by, standing.set_at = row.model_id, by, time.time()
    _decide(session, row, project, APPROVED, by=by, because=because)


def _decide(session: Session, row: Promotion, project: str, state: str, *, by: str, because: str) -> None:
    row.state, row.decided_by, row.decided_because, row.decided_at = state, by, because, time.time()
    _tell(session, "promotion-approved" if state == APPROVED else "promotion-refused", row, project)


def _tell(session: Session, event: EventName, row: Promotion, project: str) -> None:
    """Step (4); ids alone, no person."""
    moved = {"model": row.model, "alias": row.alias, "version": row.model_id, "before": row.before}
    record(session, event, ("promotion", row.id), project, **moved)


def _refusal(row: Promotion) -> PromotionError:
    remedy = f"GET /v1/promotions/{row.id} shows what the gate found; promote a version that reaches it."
    return PromotionError(remedy=remedy)
