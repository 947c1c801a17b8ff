"""Whether the service lives, whether it can work, and its counts."""

from typing import Literal

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import generate_latest
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from handoff.api.dependencies import ServiceDep
from handoff.contract.document import Document

router = APIRouter(tags=["health"])


class Health(Document):
    """Each part and whether it works."""

    ok: bool
    database: Literal["ok", "failed"] = "ok"
    store: Literal["ok", "full", "failed"] = "ok"
    closer: Literal["ok", "failed"] = "ok"


@router.get("/healthz")
def alive() -> Health:
    """Answer that the process lives."""
    return Health(ok=True)


@router.get("/readyz", responses={503: {"model": Health, "description": "Something does not work"}})
def ready(service: ServiceDep, response: Response) -> Health:
    """Say whether deliveries can be taken now: database, store and the closing loop."""
    health = Health(
        ok=True,
        database=_database(service),
        store=service.store.condition(),
        closer="ok" if service.closer.is_alive() else "failed",
    )
    ok = (health.database, health.store, health.closer) == ("ok", "ok", "ok")
    response.status_code = 200 if ok else 503
    return health.model_copy(update={"ok": ok})


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(service: ServiceDep) -> str:
    """Give the counts in Prometheus' text form."""
    return generate_latest(service.metrics.registry).decode()


def _database(service: ServiceDep) -> Literal["ok", "failed"]:
    try:
        with service.database.read() as session:
            session.execute(select(1))
    except SQLAlchemyError:
        return "failed"
    return "ok"
