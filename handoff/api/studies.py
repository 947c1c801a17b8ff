"""List studies, show one with all that evidence says of it, close one by a person's word."""

import time
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from handoff.api.dependencies import After, Limit, ServiceDep, WhoDep, allowed, cursor_number
from handoff.api.problems import problems
from handoff.contract.identifiers import ProjectName, Uid
from handoff.database.tables import EvidenceMessage, Shipment, Study, StudyVersion
from handoff.errors import NotFoundError
from handoff.schemas.page import Page
from handoff.schemas.studies import CloseRequest, StudyDetail, StudyView
from handoff.studies.force import Force, close_by_force

router = APIRouter(tags=["studies"])
ProjectPath = Annotated[ProjectName, Path()]
StudyPath = Annotated[Uid, Path()]


@router.get("/v1/studies", dependencies=allowed("read"), responses=problems())
def list_studies(
    service: ServiceDep,
    who: WhoDep,
    *,
    project: Annotated[ProjectName | None, Query()] = None,
    state: Annotated[Literal["open", "complete"] | None, Query()] = None,
    after: After = None,
    limit: Limit = 200,
) -> Page[StudyView]:
    """List studies in the order in which they were first heard of."""
    chosen = select(Study).where(Study.id > cursor_number(after), who.within(Study.project))
    if project is not None:
        chosen = chosen.where(Study.project == project)
    if state is not None:
        chosen = chosen.where(Study.state == state)
    with service.database.read() as session:
        rows = session.scalars(chosen.order_by(Study.id).limit(limit + 1)).all()
        items = tuple(StudyView.model_validate(facts) for facts in _facts(session, rows[:limit]))
    return Page(items=items, next=str(rows[limit - 1].id) if len(rows) > limit else None)


@router.get("/v1/studies/{project}/{study}", dependencies=allowed("read"), responses=problems(404))
def get_study(project: ProjectPath, study: StudyPath, service: ServiceDep, who: WhoDep) -> StudyDetail:
    """Show one study: each version with what closed it, and all evidence."""
    who.require_project(project)
    with service.database.read() as session:
        row = session.scalar(select(Study).where(Study.project == project, Study.study_uid == study))
        if row is None:
            raise NotFoundError
        return _detail(session, row)


@router.post("/v1/studies/{project}/{study}:close", dependencies=allowed("operate"), responses=problems(404, 409))
def close_study(
    project: ProjectPath, study: StudyPath, request: CloseRequest, service: ServiceDep, who: WhoDep
) -> StudyDetail:
    """Close an open study upon what is here, by a person's word; who and why is recorded with the version."""
    who.require_project(project)
    with service.database.write() as session:
        force = Force(project=project, study=study, by=who.name, reason=request.reason)
        return _detail(session, close_by_force(session, service.settings, force, time.time()))


def _facts(session: Session, rows: Sequence[Study]) -> list[dict[str, Any]]:
    ids = [row.id for row in rows]
    counted = select(Shipment.study_id, func.count()).where(Shipment.study_id.in_(ids)).group_by(Shipment.study_id)
    shipments = {study_id: count for study_id, count in session.execute(counted)}  # noqa: C416
    newest = select(StudyVersion).join(Study, Study.id == StudyVersion.study_id)
    closed = session.scalars(newest.where(Study.id.in_(ids), StudyVersion.version == Study.version))
    versions = {version.study_id: version for version in closed}
    return [_fact(row, shipments.get(row.id, 0), versions.get(row.id)) for row in rows]


def _fact(row: Study, shipments: int, version: StudyVersion | None) -> dict[str, Any]:
    return {
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


def _detail(session: Session, row: Study) -> StudyDetail:
    closed = session.scalars(select(StudyVersion).where(StudyVersion.study_id == row.id).order_by(StudyVersion.version))
    messages = session.execute(
        select(EvidenceMessage.id, EvidenceMessage.body)
        .where(EvidenceMessage.study_id == row.id)
        .order_by(EvidenceMessage.received_at, EvidenceMessage.id)
    )
    evidence = [{"id": identifier, "says": str(body.get("schema", "unknown"))} for identifier, body in messages]
    versions = [
        {"version": one.version, "content": one.content, "instances": one.instances, "closed_by": one.closed_by}
        for one in closed
    ]
    return StudyDetail.model_validate({**_facts(session, [row])[0], "versions": versions, "evidence": evidence})
