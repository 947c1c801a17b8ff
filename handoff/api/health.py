"""Whether the service lives, whether it can work, and its counts."""

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import generate_latest

from handoff.api.dependencies import ServiceDep
from handoff.contract.document import Document
from handoff.operations.readiness import Health, examine

router = APIRouter(tags=["health"])


class Alive(Document):
    """The process lives."""

    ok: bool = True


@router.get("/healthz")
def alive() -> Alive:
    """Answer that the process lives."""
    return Alive()


@router.get("/readyz", responses={503: {"model": Health, "description": "Something does not work"}})
def ready(service: ServiceDep, response: Response) -> Health:
    """Say whether deliveries and decisions can be taken now, and everything that does not work."""
    health = examine(
        service.settings,
        service.home,
        service.database,
        service.store,
        closer=service.closer.is_alive(),
        stopping=service.drain.begun,
    )
    response.status_code = 200 if health.ok else 503
    return health


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(service: ServiceDep) -> str:
    """Give the counts in Prometheus' text form."""
    return generate_latest(service.metrics.registry).decode()
