"""Which complete studies a request means, and which it leaves out and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.database.tables import Study
from handoff.errors import BatchError
from handoff.labels.attach import labelled_studies
from handoff.schemas.batches import BatchRequest, ChosenStudies, LeftOut


@dataclass(frozen=True, slots=True)
class Selection:
    """Studies of a batch, and those that stay out of it."""

    studies: list[Study]
    left_out: list[LeftOut]


def select_studies(session: Session, request: BatchRequest) -> Selection:
    """Choose among the project's studies.

    Raises:
        BatchError: a study that was asked for by name is unknown or not complete.
    """
    of_project = select(Study).where(Study.project == request.project).order_by(Study.study_uid)
    studies = session.scalars(of_project).all()
    if isinstance(request.select, ChosenStudies):
        return Selection(_named(studies, request.select), [])
    labelled = labelled_studies(session, studies, request.labels) if request.select == "labelled" else set()
    chosen: list[Study] = []
    left_out: list[LeftOut] = []
    for study in studies:
        if study.state != "complete":
            left_out.append(LeftOut(study=study.study_uid, reason="not-complete"))
        elif study.truth == "dangling" and request.select != "all":
            left_out.append(LeftOut(study=study.study_uid, reason="dangling-references"))
        elif request.select in {"all", study.truth} or study.id in labelled:
            chosen.append(study)
    return Selection(chosen, left_out)


def _named(studies: Sequence[Study], wanted: ChosenStudies) -> list[Study]:
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
    return [known[study] for study in named]
