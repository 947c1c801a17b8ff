"""The ASGI app: routers, problems, records, wired in one visible function."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from handoff.api import (
    audit,
    batch_content,
    batches,
    evidence,
    handoffs,
    health,
    labels,
    models,
    objects,
    pipelines,
    projects,
    promotions,
    results,
    rules,
    runs,
    shipments,
    studies,
    targets,
    tokens,
    trace,
    withdrawals,
)
from handoff.api.accepting import ShortWay
from handoff.api.acts import Acts
from handoff.api.bugs import Bugs
from handoff.api.gate import Gate
from handoff.api.idempotency import Idempotency, describe_keys
from handoff.api.kept_answers import KeptAnswers
from handoff.api.limit import BodyLimit
from handoff.api.pages.routers import ROUTERS
from handoff.api.problems import install_problems
from handoff.api.record import RequestRecord
from handoff.api.security_headers import SecurityHeaders
from handoff.service import Service
from handoff.telemetry.metrics import RequestMetrics
from handoff.telemetry.spans import Spans

DESCRIPTION = """Takes de-identified packages and evidence, assembles studies, forms immutable batches, and makes each
handoff exactly one run. Every error is a problem (RFC 9457) that names a code and a remedy."""


def create_app(service: Service | None) -> FastAPI:
    """Make the app of a service; without one it can only describe itself (OpenAPI)."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        assert service is not None
        service.closer.start()
        service.rules.start()
        service.withdrawer.start()
        service.remover.start()
        service.gone.start()
        yield
        service.close()

    app = FastAPI(
        title="Sluice handoff",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.state.service = service
    arriving, made = (
        (shipments, evidence, labels, studies),
        (batches, pipelines, handoffs, objects, results, models, promotions),
    )
    for module in (*arriving, *made, runs, batch_content, withdrawals):
        app.include_router(module.router)
    for module in (trace, rules, projects, targets, tokens, audit, health):
        app.include_router(module.router)
    for router in ROUTERS:
        app.include_router(router)
    if service is not None:
        app.router.routes.insert(0, ShortWay(service, app.router))
    install_problems(app)
    describe_keys(app)
    if service is not None:
        limits = service.settings.access
        app.add_middleware(Idempotency, answers=KeptAnswers(service.database, service.alive))
        app.add_middleware(BodyLimit, limits=limits)
        app.add_middleware(Acts, trail=service.trail)
        app.add_middleware(Gate, authentication=service.authentication, limits=limits, trail=service.trail)
    app.add_middleware(Bugs)
    app.add_middleware(SecurityHeaders)
    metrics, spans = (service.metrics, service.spans) if service else (RequestMetrics(), Spans("", None))
    app.add_middleware(RequestRecord, metrics=metrics, spans=spans)
    return app
