"""Whether the service lives, whether it can work, and its counts."""

from typing import Literal

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from handoff.api.dependencies import ServiceDep
from handoff.api.record import REQUESTS
from handoff.contract.document import Document
from handoff.database.tables import Batch, EvidenceMessage, Handoff, Instance, ModelVersion, OutboxRow, Shipment, Study

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
        store=_store(service),
        closer="ok" if service.closer.is_alive() else "failed",
    )
    ok = (health.database, health.store, health.closer) == ("ok", "ok", "ok")
    response.status_code = 200 if ok else 503
    return health.model_copy(update={"ok": ok})


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(service: ServiceDep) -> str:
    """Give the counts in Prometheus' text form."""
    with service.database.read() as session:
        lines = [*_totals(session), *_by_state(session)]
    return "\n".join([*lines, *REQUESTS.lines(), ""])


def _database(service: ServiceDep) -> Literal["ok", "failed"]:
    try:
        with service.database.read() as session:
            session.execute(select(1))
    except SQLAlchemyError:
        return "failed"
    return "ok"


def _store(service: ServiceDep) -> Literal["ok", "full", "failed"]:
    return service.store.condition()


def _totals(session: Session) -> list[str]:
    tables = {
        "shipments": Shipment,
        "evidence": EvidenceMessage,
        "instances": Instance,
        "batches": Batch,
        "models": ModelVersion,
        "outbox": OutboxRow,
    }
    return [
        f"sluice_{name} {session.scalar(select(func.count()).select_from(table))}" for name, table in tables.items()
    ]


def _by_state(session: Session) -> list[str]:
    studies = session.execute(select(Study.state, func.count()).group_by(Study.state))
    handoffs = session.execute(select(Handoff.kind, Handoff.state, func.count()).group_by(Handoff.kind, Handoff.state))
    lines = [f'sluice_studies{{state="{state}"}} {count}' for state, count in studies]
    return lines + [f'sluice_handoffs{{kind="{kind}",state="{state}"}} {count}' for kind, state, count in handoffs]
