"""Tokens: make one and see it once, rotate, revoke."""

from typing import Annotated, get_args

from fastapi import Path, Request, Response
from pydantic import ValidationError
from sqlalchemy import select

from handoff.access.home_tokens import HOME_NAMES
from handoff.access.issue import Issued, make_token, may_see, revoke_token, rotate_token, show
from handoff.access.sessions import BrowserSession
from handoff.api.dependencies import ServiceDep
from handoff.api.pages.browser import CheckedFormDep, SessionDep, require
from handoff.api.pages.frame import button, csrf_field, page, row, table
from handoff.api.pages.html import NOTHING, Html, fill, join
from handoff.api.pages.route import go, page_router
from handoff.api.pages.words import moment
from handoff.contract.identifiers import RandomId
from handoff.database.tables import Token
from handoff.errors import RefusedError
from handoff.schemas.tokens import LONGEST_DAYS, GrantedRole, RotateRequest, TokenRequest, TokenView
from handoff.service import Service

router = page_router()
TokenId = Annotated[RandomId, Path()]
_MOST = 500
_USUAL: GrantedRole = "ml-engineer"
_HEADS = ("Name", "Role", "Projects", "State", "Made by", "Expires", "Last used", "")
_NEW = """<div class="notice"><p><strong>The token {name}.</strong> Nobody will see it again; keep it now.</p>
<p><code>{token}</code></p></div>"""
_FORM = """<h2>New token</h2><form class="fields" method="post" action="/tokens">{csrf}
<label><span>Name</span>
<input name="name" required maxlength="63" pattern="[a-z0-9][a-z0-9._\\-]*" placeholder="training-laptop"></label>
<label><span>Role</span><select name="role">{roles}</select></label>
<label><span>Projects, or none for all</span><input name="projects" placeholder="lungs, brains"></label>
<label><span>Days until it expires</span><input name="days" type="number" min="1" max="{longest}" value="90"></label>
<button>Make it</button></form>"""
_BODY = "<h1>Tokens</h1>{new}{table}{form}"
_TONES = {"valid": "good", "revoked": "still", "expired": "still"}


@router.get("/tokens")
def show_tokens(session: SessionDep, service: ServiceDep) -> Response:
    """Show the tokens that whoever looks may see."""
    return _page(session, service)


@router.post("/tokens")
def make_by_page(request: Request, form: CheckedFormDep, session: SessionDep, service: ServiceDep) -> Response:
    """Make a token and show it, this once."""
    require(session, "administer")
    named = tuple(form.get("projects", "").replace(",", " ").split())
    try:
        wanted = TokenRequest.model_validate(
            {
                "name": form.get("name", "").strip(),
                "role": form.get("role", ""),
                "projects": named or None,
                "days": int(form.get("days") or 90),
            }
        )
    except (ValidationError, ValueError) as error:
        remedy = f"A name is of a-z, 0-9, dots and dashes; days are 1 to {LONGEST_DAYS}; projects are known names."
        raise RefusedError("The form was not understood.", code="form", remedy=remedy) from error
    issued = make_token(service.database, session.who, wanted)
    request.state.subject = issued.row.id
    return _page(session, service, issued)


@router.post("/tokens/{token_id}/rotate")
def rotate_by_page(token_id: TokenId, _form: CheckedFormDep, session: SessionDep, service: ServiceDep) -> Response:
    """Replace a token under its name and show the new one, this once; the one before ends now."""
    require(session, "administer")
    return _page(session, service, rotate_token(service.database, session.who, token_id, RotateRequest()))


@router.post("/tokens/{token_id}/revoke")
def revoke_by_page(token_id: TokenId, _form: CheckedFormDep, session: SessionDep, service: ServiceDep) -> Response:
    """End a token, and every session that was opened with it."""
    require(session, "administer")
    revoke_token(service.database, session.who, token_id)
    return go("/tokens")


def _page(session: BrowserSession, service: Service, issued: Issued | None = None) -> Response:
    require(session, "administer")
    with service.database.read() as database:
        rows = database.scalars(select(Token).order_by(Token.made_at.desc(), Token.id).limit(_MOST)).all()
    shown = [_row(session, show(item)) for item in rows if may_see(session.who, item)]
    roles = join(
        fill("<option{chosen}>{role}</option>", role=role, chosen=Html(" selected") if role == _USUAL else NOTHING)
        for role in get_args(GrantedRole)
    )
    body = fill(
        _BODY,
        new=NOTHING if issued is None else fill(_NEW, name=issued.row.name, token=issued.token),
        table=table(_HEADS, shown, "There is none."),
        form=fill(_FORM, csrf=csrf_field(session.csrf), roles=roles, longest=LONGEST_DAYS),
    )
    return page("Tokens", body, session)


def _row(session: BrowserSession, token: TokenView) -> Html:
    projects = "all" if token.projects is None else ", ".join(token.projects)
    return row(
        fill("<strong>{name}</strong>", name=token.name),
        token.role,
        projects,
        fill('<span class="state {tone}">{state}</span>', tone=_TONES[token.state], state=token.state),
        token.made_by,
        moment(token.expires_at) if token.expires_at else "never",
        moment(token.used_at),
        _buttons(session, token),
    )


def _buttons(session: BrowserSession, token: TokenView) -> Html:
    if token.state == "revoked" or token.name in HOME_NAMES.values():
        return NOTHING
    revoke = button(f"/tokens/{token.id}/revoke", "Revoke", session.csrf, tone="danger")
    if token.handoff is not None:
        return revoke
    return join([button(f"/tokens/{token.id}/rotate", "Rotate", session.csrf, tone="quiet"), revoke])
