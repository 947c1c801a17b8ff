"""Trace any id, both ways."""

from typing import Annotated

from fastapi import APIRouter, Path

from handoff.api.dependencies import ServiceDep, User
from handoff.api.problems import problems
from handoff.lineage.trace import trace
from handoff.schemas.trace import Trace

router = APIRouter(tags=["lineage"])


@router.get("/v1/trace/{identifier}", dependencies=User, responses=problems(404))
def get_trace(identifier: Annotated[str, Path(pattern=r"^[A-Za-z0-9._:-]{1,128}$")], service: ServiceDep) -> Trace:
    """Follow a shipment, evidence, study, series, instance, batch, handoff, key or model to its whole line."""
    with service.database.read() as session:
        return trace(session, identifier)
