"""A study that stays open, and a person's word that closes it."""

import time
from typing import Annotated

from fastapi import Path, Response
from sqlalchemy import select

from handoff.api.dependencies import ServiceDep
from handoff.api.pages.browser import CheckedFormDep, SessionDep, require
from handoff.api.pages.frame import button, facts, page
from handoff.api.pages.html import fill
from handoff.api.pages.reason import FIELD, reason_of
from handoff.api.pages.route import go, page_router
from handoff.api.pages.words import moment
from handoff.contract.identifiers import ProjectName, Uid
from handoff.database.tables import Study
from handoff.errors import NotFoundError
from handoff.studies.force import Force, close_by_force

router = page_router()
ProjectPath = Annotated[ProjectName, Path()]
StudyPath = Annotated[Uid, Path()]
_BODY = """<h1>Close a study</h1>{facts}
<p>It becomes complete upon what is here now, whatever is still missing. What comes later makes its next version, by
the evidence that comes with it. Who closed it and why is kept with the version.</p>
<div class="actions">{button}</div>"""


@router.get("/studies/{project}/{study}/close")
def show_close(project: ProjectPath, study: StudyPath, session: SessionDep, service: ServiceDep) -> Response:
    """Ask why; a page of its own, as the first one loads itself anew while somebody writes."""
    require(session, "operate")
    session.who.require_project(project)
    with service.database.read() as database:
        row = database.scalar(select(Study).where(Study.project == project, Study.study_uid == study))
    if row is None or row.state != "open":
        raise NotFoundError("There is no such open study.")
    known = {"Study": row.study_uid, "Patient": row.patient, "Project": row.project, "Waits for": row.waiting_for}
    close = button(
        f"/studies/{project}/{study}/close", "Close upon what is here", session.csrf, tone="danger", fields=FIELD
    )
    body = fill(_BODY, facts=facts({**known, "Last arrival": moment(row.last_arrival_at)}), button=close)
    return page("Close a study", body, session)


@router.post("/studies/{project}/{study}/close")
def close_study_by_page(
    project: ProjectPath, study: StudyPath, form: CheckedFormDep, session: SessionDep, service: ServiceDep
) -> Response:
    """Close an open study upon what is here; who and why is recorded with the version."""
    require(session, "operate")
    session.who.require_project(project)
    force = Force(project=project, study=study, by=session.who.name, reason=reason_of(form))
    with service.database.write() as database:
        close_by_force(database, service.settings, force, time.time())
    return go("/")
