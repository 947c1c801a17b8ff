"""A study that stays open is closed by a person's word."""

import time
from typing import Annotated

from fastapi import Path, Response

from handoff.access.sessions import BrowserSession
from handoff.api.dependencies import ServiceDep
from handoff.api.pages.browser import CheckedFormDep, SessionDep, require
from handoff.api.pages.frame import button
from handoff.api.pages.html import NOTHING, Html, fill
from handoff.api.pages.reason import FIELD, reason_of
from handoff.api.pages.route import go, page_router
from handoff.contract.identifiers import ProjectName, Uid
from handoff.database.tables import Study
from handoff.studies.force import Force, close_by_force

router = page_router()


@router.post("/studies/{project}/{study}/close")
def close_study_by_page(
    project: Annotated[ProjectName, Path()],
    study: Annotated[Uid, Path()],
    form: CheckedFormDep,
    session: SessionDep,
    service: ServiceDep,
) -> Response:
    """Close an open study upon what is here; who and why is recorded with the version."""
    require(session, "operate")
    session.who.require_project(project)
    force = Force(project=project, study=study, by=session.who.name, reason=reason_of(form))
    with service.database.write() as database:
        close_by_force(database, service.settings, force, time.time())
    return go("/")


def close_button(session: BrowserSession, study: Study) -> Html:
    """How to close it, for those who may; folded away, as evidence is the better word."""
    if not session.who.may("operate"):
        return NOTHING
    action = f"/studies/{study.project}/{study.study_uid}/close"
    form = button(action, "Close upon what is here", session.csrf, tone="quiet", fields=FIELD)
    return fill("<details><summary>Close…</summary>{form}</details>", form=form)
