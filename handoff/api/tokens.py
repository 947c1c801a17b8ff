"""Make, list, rotate and revoke tokens; say whom the service takes the asker for."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from sqlalchemy import select

from handoff.access.issue import Issued, make_token, may_see, revoke_token, rotate_token, show
from handoff.access.permissions import PERMISSIONS
from handoff.api.dependencies import After, Limit, ServiceDep, WhoDep, allowed, known
from handoff.api.problems import problems
from handoff.contract.identifiers import RandomId
from handoff.database.tables import Token
from handoff.schemas.page import Page
from handoff.schemas.tokens import NewToken, RotateRequest, TokenRequest, TokenView, WhoView

router = APIRouter(tags=["access"])
Administrator = allowed("administer")
TokenId = Annotated[RandomId, Path()]
_SECRET = {"Cache-Control": "no-store"}
"""Said by the route itself, so that the answer is not kept for a repeat of the request either."""


@router.get("/v1/me", dependencies=known(), responses=problems())
async def get_me(who: WhoDep) -> WhoView:
    """Say whom the token stands for, and what it may do."""
    return WhoView(
        name=who.name,
        role=who.role,
        projects=None if who.projects is None else tuple(sorted(who.projects)),
        handoff=who.handoff_id,
        permissions=tuple(sorted(PERMISSIONS[who.role])),
    )


@router.post("/v1/tokens", status_code=201, dependencies=Administrator, responses=problems(404, 409))
def make_a_token(request: TokenRequest, response: Response, who: WhoDep, service: ServiceDep) -> NewToken:
    """Make a token. The answer is the only one that ever shows it."""
    response.headers.update(_SECRET)
    return _new(make_token(service.database, who, request))


@router.get("/v1/tokens", dependencies=Administrator, responses=problems())
def list_tokens(who: WhoDep, service: ServiceDep, after: After = None, limit: Limit = 50) -> Page[TokenView]:
    """List tokens by id, the revoked and expired ones too."""
    chosen = select(Token).where(Token.id > (after or "")).order_by(Token.id).limit(limit + 1)
    with service.database.read() as session:
        rows = session.scalars(chosen).all()
    items = tuple(show(row) for row in rows[:limit] if may_see(who, row))
    return Page(items=items, next=rows[limit - 1].id if len(rows) > limit else None)


@router.post("/v1/tokens/{token_id}:rotate", dependencies=Administrator, responses=problems(404, 409))
def rotate_a_token(
    token_id: TokenId, request: RotateRequest, response: Response, who: WhoDep, service: ServiceDep
) -> NewToken:
    """Replace a token under its name; the one before holds for the overlap."""
    response.headers.update(_SECRET)
    return _new(rotate_token(service.database, who, token_id, request))


@router.post("/v1/tokens/{token_id}:revoke", dependencies=Administrator, responses=problems(404, 409))
def revoke_a_token(token_id: TokenId, who: WhoDep, service: ServiceDep) -> TokenView:
    """End a token at once, on every replica; safe to repeat."""
    return show(revoke_token(service.database, who, token_id))


def _new(issued: Issued) -> NewToken:
    return NewToken.model_validate({**show(issued.row).plain(), "token": issued.token})
