"""Move an alias through the gate; list, approve and refuse promotions."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from sqlalchemy import Select, select

from handoff.api.cursor import newest_cursor, older_than
from handoff.api.dependencies import After, Limit, ServiceDep, WhoDep, allowed
from handoff.api.problems import problems
from handoff.contract.identifiers import ProjectName, RandomId
from handoff.database.tables import Alias, ModelVersion, Promotion
from handoff.errors import NotFoundError
from handoff.models.promote import WAITING, Promotions
from handoff.schemas.models import AliasName, AliasRequest, AliasView, DecisionRequest, PromotionState, PromotionView
from handoff.schemas.page import Page

router = APIRouter(tags=["models"])
_NONE = "There is no such promotion."
PromotionId = Annotated[RandomId, Path()]
_ASKED: dict[int | str, dict[str, Any]] = {
    202: {"model": PromotionView, "description": "It waits for somebody who may approve"}
}


@router.get("/v1/models/{name}/aliases", dependencies=allowed("read"), responses=problems(404))
def list_aliases(
    name: Annotated[ProjectName, Path()], service: ServiceDep, who: WhoDep, after: After = None, limit: Limit = 50
) -> Page[AliasView]:
    """List the aliases of a model by name."""
    mine = who.within(ModelVersion.project)
    chosen = select(Alias, ModelVersion.project).join(ModelVersion, ModelVersion.id == Alias.model_id)
    chosen = chosen.where(Alias.model == name, Alias.alias > (after or ""), mine)
    with service.database.read() as session:
        known = session.scalar(select(ModelVersion.id).where(ModelVersion.name == name, mine).limit(1))
        if known is None:
            raise NotFoundError
        rows = session.execute(chosen.order_by(Alias.alias).limit(limit + 1)).all()
    items = tuple(
        AliasView(
            model=row.model,
            alias=row.alias,
            version=row.model_id,
            project=project,
            set_by=row.set_by,
            set_at=row.set_at,
        )
        for row, project in rows[:limit]
    )
    return Page(items=items, next=items[-1].alias if len(rows) > limit else None)


@router.put(
    "/v1/models/{name}/aliases/{alias}",
    dependencies=allowed("decide"),
    responses={**_ASKED, **problems(404, 409)},
)
def put_alias(
    name: Annotated[ProjectName, Path()],
    alias: Annotated[AliasName, Path()],
    request: AliasRequest,
    response: Response,
    *,
    service: ServiceDep,
    who: WhoDep,
) -> PromotionView:
    """Let an alias stand for a version, if the project's gate lets it; what is so already stays as it is."""
    row = Promotions(service.database, service.settings).ask(who, name, alias, request.version, request.reason)
    response.status_code = 202 if row.state == WAITING else 200
    return _show(service, row.id)


@router.get("/v1/promotions", dependencies=allowed("read"), responses=problems())
def list_promotions(
    service: ServiceDep,
    who: WhoDep,
    *,
    model: Annotated[ProjectName | None, Query()] = None,
    state: Annotated[PromotionState | None, Query()] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[PromotionView]:
    """List promotions, the newest first."""
    order = Promotion.asked_at, Promotion.id
    chosen = _promotions().where(*older_than(after, *order), who.within(ModelVersion.project))
    for column, value in ((Promotion.model, model), (Promotion.state, state)):
        if value is not None:
            chosen = chosen.where(column == value)
    with service.database.read() as session:
        rows = session.execute(chosen.order_by(*(column.desc() for column in order)).limit(limit + 1)).all()
    items = tuple(_view(row, project) for row, project in rows[:limit])
    further = newest_cursor(items[-1].asked_at, items[-1].id) if len(rows) > limit else None
    return Page(items=items, next=further)


@router.get("/v1/promotions/{promotion_id}", dependencies=allowed("read"), responses=problems(404))
def get_promotion(promotion_id: PromotionId, service: ServiceDep, who: WhoDep) -> PromotionView:
    """Show one promotion."""
    found = _show(service, promotion_id)
    if not who.sees(found.project):
        raise NotFoundError(_NONE)
    return found


@router.post("/v1/promotions/{promotion_id}:approve", dependencies=allowed("approve"), responses=problems(404, 409))
def approve_promotion(
    promotion_id: PromotionId, request: DecisionRequest, service: ServiceDep, who: WhoDep
) -> PromotionView:
    """Let the alias move; the gate is asked once more."""
    Promotions(service.database, service.settings).approve(who, promotion_id, request.reason)
    return _show(service, promotion_id)


@router.post("/v1/promotions/{promotion_id}:refuse", dependencies=allowed("approve"), responses=problems(404, 409))
def refuse_promotion(
    promotion_id: PromotionId, request: DecisionRequest, service: ServiceDep, who: WhoDep
) -> PromotionView:
    """Leave the alias where it is."""
    Promotions(service.database, service.settings).refuse(who, promotion_id, request.reason)
    return _show(service, promotion_id)


def _promotions() -> Select[Promotion, str]:
    return select(Promotion, ModelVersion.project).join(ModelVersion, ModelVersion.id == Promotion.model_id)


def _show(service: ServiceDep, promotion_id: str) -> PromotionView:
    with service.database.read() as session:
        found = session.execute(_promotions().where(Promotion.id == promotion_id)).one_or_none()
    if found is None:
        raise NotFoundError(_NONE)
    row, project = found
    return _view(row, project)


def _view(row: Promotion, project: str) -> PromotionView:
    return PromotionView(
        id=row.id,
        model=row.model,
        alias=row.alias,
        version=row.model_id,
        before=row.before,
        project=project,
        state=row.state,
        second_person=row.gate["second_person"],
        findings=row.gate["findings"],
        reason=row.reason,
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        decided_by=row.decided_by,
        decided_because=row.decided_because,
        decided_at=row.decided_at,
    )
