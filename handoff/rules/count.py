"""Counts studies until there are as many as a rule waits for; then one firing takes them all."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.database.dialect import hold_until_commit
from handoff.database.tables import RuleFiring
from handoff.rules.occasions import record, study_of_occasion
from handoff.rules.states import Firing


def count_study(session: Session, row: RuleFiring, wanted: int, now: float) -> None:
    """Count the study of a locked occasion, in the caller's transaction; several versions of one count once."""
    hold_until_commit(session, f"rule {row.project} {row.rule}")
    row.state, row.reason = Firing.COUNTED.value, None
    session.flush()
    of_rule = RuleFiring.project == row.project, RuleFiring.rule == row.rule
    chosen = select(RuleFiring).where(*of_rule, RuleFiring.state == Firing.COUNTED.value).order_by(RuleFiring.id)
    counted = session.scalars(chosen).all()
    studies = {study_of_occasion(one.occasion) or ("", 0) for one in counted}
    if len({study for study, _ in studies}) < wanted:
        return
    for one in counted:
        one.state = Firing.TAKEN.value
    undecided = RuleFiring.state == Firing.WAITING.value, RuleFiring.occasion.startswith("studies:")
    if session.scalar(select(RuleFiring.id).where(*of_rule, *undecided).limit(1)) is None:
        record(session, row.project, row.rule, occasion=f"studies:{counted[-1].id}", now=now)
