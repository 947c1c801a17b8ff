"""List studies, and say why an open one is open."""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from handoff.api.dependencies import After, Limit, ServiceDep, User, cursor_number
from handoff.api.problems import problems
from handoff.contract.identifiers import ProjectName
from handoff.database.tables import Shipment, Study, StudyVersion
from handoff.schemas.page import Page
from handoff.schemas.studies import StudyView

router = APIRouter(tags=["studies"])


@router.get("/v1/studies", dependencies=User, responses=problems())
def list_studies(
    service: ServiceDep,
    project: Annotated[ProjectName | None, Query()] = None,
    state: Annotated[Literal["open", "complete"] | None, Query()] = None,
    after: After = None,
    limit: Limit = 200,
) -> Page[StudyView]:
    """List studies in the order in which they were first heard of."""
    chosen = select(Study).where(Study.id > cursor_number(after))
    if project is not None:
        chosen = chosen.where(Study.project == project)
    if state is not None:
        chosen = chosen.where(Study.state == state)
    with service.database.read() as session:
        rows = session.scalars(chosen.order_by(Study.id).limit(limit + 1)).all()
        items = _views(session, rows[:limit])
    return Page(items=items, next=str(rows[limit - 1].id) if len(rows) > limit else None)


def _views(session: Session, rows: Sequence[Study]) -> tuple[StudyView, ...]:
    ids = [row.id for row in rows]
    counted = select(Shipment.study_id, func.count()).where(Shipment.study_id.in_(ids)).group_by(Shipment.study_id)
    shipments = {study_id: count for study_id, count in session.execute(counted)}  # noqa: C416
    closed = session.scalars(select(StudyVersion).where(StudyVersion.study_id.in_(ids)))
    versions = {(version.study_id, version.version): version for version in closed}
    return tuple(_view(row, shipments.get(row.id, 0), versions.get((row.id, row.version))) for row in rows)


def _view(row: Study, shipments: int, version: StudyVersion | None) -> StudyView:
    return StudyView.model_validate(
        {
            "project": row.project,
            "study": row.study_uid,
            "patient": row.patient,
            "state": row.state,
            "version": row.version,
            "truth": row.truth,
            "waiting_for": row.waiting_for,
            "expected": row.expected,
            "shipments": shipments,
            "instances": version.instances if version else 0,
            "closed_by": version.closed_by if version else None,
        }
    )
