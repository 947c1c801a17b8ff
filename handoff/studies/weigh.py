"""Puts together what the database knows of one study, for `judge` to decide on."""

from typing import Any

from pydantic import ValidationError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from handoff.contract.commitment import StorageCommitment
from handoff.contract.evidence import Evidence
from handoff.contract.expected import EVIDENCE_MESSAGE, EvidenceDocument, ExpectedCount, ExpectedSeries
from handoff.contract.performed import PerformedStep
from handoff.database.tables import EvidenceMessage, Instance, Shipment, Study
from handoff.settings import ProjectRules
from handoff.studies.accounts import Account, Commitment, Count, NamedSeries, Performed
from handoff.studies.judge import Complete, Forgiven, Waiting, judge


def decide(session: Session, study: Study, rules: ProjectRules, now: float) -> Complete | Waiting:
    """Judge a study by what is known of it.

    Raises:
        ValidationError: a message was written by another version of the contract, and no person settled it.
    """
    forgiven = forgiven_of(study.forced)
    said = _said(session, study, forgiven)
    endings = [message for message in said if isinstance(message, Evidence)]
    asked = [message for message in said if message.evidence_id not in forgiven.evidence]
    accounts, last = _accounts(session, study, asked), study.last_arrival_at
    return judge(endings, arrived(session, study), last, now, rules, accounts=accounts, forgiven=forgiven)


def arrived(session: Session, study: Study) -> dict[str, int]:
    """Instances by shipment id."""
    rows = session.execute(select(Shipment.id, Shipment.delivered).where(Shipment.study_id == study.id))
    return {identifier: delivered for identifier, delivered in rows}  # noqa: C416 - dict() has no type for rows


def forgiven_of(forced: dict[str, Any]) -> Forgiven:
    """What a person's word settled, as `studies.forced` keeps it."""
    return Forgiven(frozenset(forced.get("evidence", ())), frozenset(forced.get("shipments", ())))


def _said(session: Session, study: Study, forgiven: Forgiven) -> list[EvidenceDocument]:
    """Every message, in the order of arrival; one that cannot be read counts as little as a person said."""
    messages = (
        select(EvidenceMessage.id, EvidenceMessage.body)
        .where(EvidenceMessage.study_id == study.id)
        .order_by(EvidenceMessage.received_at, EvidenceMessage.id)
    )
    said = []
    for identifier, body in session.execute(messages):
        try:
            said.append(EVIDENCE_MESSAGE.validate_python(body))
        except ValidationError:
            if identifier not in forgiven.evidence:
                raise
    return said


def _accounts(session: Session, study: Study, said: list[EvidenceDocument]) -> list[Account]:
    """The evidence that is stronger than silence, the strongest first."""
    accounts: list[Account] = []
    lists: dict[str, StorageCommitment] = {}
    steps: dict[str, PerformedStep] = {}
    for message in sorted(_lists(said), key=lambda one: one.revision):
        if isinstance(message, StorageCommitment):
            lists[message.request] = message
        else:
            steps[message.step] = message
    if lists or steps:
        here = frozenset(session.scalars(select(Instance.sop_instance_uid).where(Instance.study_id == study.id)))
        accounts += [Commitment(tuple(lists.values()), here)] if lists else []
        accounts += [Performed(tuple(steps.values()), here)] if steps else []
    series = [message for message in said if isinstance(message, ExpectedSeries)]
    if series:
        accounts.append(NamedSeries(max(series, key=lambda one: one.revision), _by_series(session, study)))
    counts = [message for message in said if isinstance(message, ExpectedCount)]
    if counts:
        here_once = select(func.count(func.distinct(Instance.sop_instance_uid))).where(Instance.study_id == study.id)
        accounts.append(Count(max(counts, key=lambda one: one.revision), session.scalar(here_once) or 0))
    return accounts


def _lists(said: list[EvidenceDocument]) -> list[StorageCommitment | PerformedStep]:
    return [message for message in said if isinstance(message, StorageCommitment | PerformedStep)]


def _by_series(session: Session, study: Study) -> dict[str, int]:
    counted = (
        select(Shipment.series_uid, func.count(func.distinct(Instance.sop_instance_uid)))
        .join(Instance, Instance.shipment_id == Shipment.id)
        .where(Shipment.study_id == study.id)
        .group_by(Shipment.series_uid)
    )
    return {series: number for series, number in session.execute(counted)}  # noqa: C416 - as above
