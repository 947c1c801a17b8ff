"""Which complete studies a request means, and which it leaves out and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from handoff.database.tables import Shipment, Study
from handoff.errors import BatchError
from handoff.labels.attach import labelled_studies
from handoff.schemas.batches import BatchRequest, ChosenStudies, LeftOut
from handoff.studies.content import content_digest

EMPTY = content_digest([])
"""The content of a study that was withdrawn whole."""


class ChosenStudy(NamedTuple):
    """What forming needs of a study."""

    id: int
    project: str
    study_uid: str
    patient: str | None
    version: int
    state: str
    truth: str
    content: str | None


@dataclass(frozen=True, slots=True)
class Selection:
    """Studies of a batch by patient and UID, and those that stay out of it."""

    studies: list[ChosenStudy]
    left_out: list[LeftOut]


def select_studies(session: Session, request: BatchRequest) -> Selection:
    """Choose among the project's studies.

    Raises:
        BatchError: a study that was asked for by name is unknown, withdrawn or not complete.
    """
    columns = (getattr(Study, name) for name in ChosenStudy._fields)
    of_project = select(*columns).where(Study.project == request.project).order_by(Study.study_uid)
    studies = [ChosenStudy(*row) for row in session.execute(of_project)]
    others = _of_other_epochs(session, request)
    if isinstance(request.select, ChosenStudies):
        return Selection(_sorted(_named(studies, request.select)), [])
    labelled = labelled_studies(session, studies, request.labels) if request.select == "labelled" else set()
    chosen: list[ChosenStudy] = []
    left_out: list[LeftOut] = []
    for study in studies:
        if study.state != "complete":
            left_out.append(LeftOut(study=study.study_uid, reason="not-complete"))
        elif study.content == EMPTY:
            left_out.append(LeftOut(study=study.study_uid, reason="withdrawn"))
        elif study.id in others:
            left_out.append(LeftOut(study=study.study_uid, reason="other-key-epoch"))
        elif study.truth == "dangling" and request.select != "all":
            left_out.append(LeftOut(study=study.study_uid, reason="dangling-references"))
        elif request.select in {"all", study.truth} or study.id in labelled:
            chosen.append(study)
    return Selection(_sorted(chosen), left_out)


def _of_other_epochs(session: Session, request: BatchRequest) -> set[int]:
    """Studies with a shipment whose pseudonyms are of another key epoch than the one that is asked for."""
    if request.key_epoch is None:
        return set()
    epoch = func.coalesce(Shipment.treatment["key_epoch"].as_string(), "")
    chosen = select(Shipment.study_id).where(Shipment.project == request.project, Shipment.withdrawn_by.is_(None))
    return set(session.scalars(chosen.where(epoch != request.key_epoch).distinct()))


def _sorted(studies: Sequence[ChosenStudy]) -> list[ChosenStudy]:
    return sorted(studies, key=lambda study: (study.patient or "", study.study_uid))


def _named(studies: Sequence[ChosenStudy], wanted: ChosenStudies) -> list[ChosenStudy]:
    known = {study.study_uid: study for study in studies}
    named = sorted(set(wanted.studies))
    if any(study not in known for study in named):
        raise BatchError("A study that was asked for is not known in this project.", code="study-unknown")
    if any(known[study].state != "complete" for study in named):
        raise BatchError(
            "A study that was asked for is not complete.",
            code="study-not-complete",
            remedy="GET /v1/studies says what it waits for.",
        )
    if any(known[study].content == EMPTY for study in named):
        raise BatchError(
            "A study that was asked for was withdrawn.", code="study-withdrawn", remedy="Leave it out of the batch."
        )
    return [known[study] for study in named]
