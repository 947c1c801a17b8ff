"""Sign in by a token, by a link of the machine itself, or at the site's OpenID provider; sign out.

Every sign-in makes a new session and ends the browser's old one, so a session that somebody planted is worth nothing.
"""

import math
from typing import Annotated
from urllib.parse import quote

from fastapi import Query, Request, Response

from handoff.access.audit import Act, note_act
from handoff.access.limits import neighbourhood
from handoff.access.openid.code_flow import CALLBACK, Attempt, CodeFlow
from handoff.access.principal import Principal
from handoff.api.dependencies import ServiceDep
from handoff.api.pages.browser import (
    BEGUN,
    SESSION,
    SIGN_IN,
    CheckedFormDep,
    FormDep,
    begun_secret,
    drop_cookie,
    read_cookie,
    require_private_way,
    require_same,
    set_cookie,
)
from handoff.api.pages.frame import csrf_field, page
from handoff.api.pages.html import NOTHING, Html, fill
from handoff.api.pages.route import go, page_router, way_back
from handoff.errors import ForbiddenError, NotFoundError, SignInError, TooManyError, UnauthorizedError
from handoff.service import Service

router = page_router()
_BEGUN_SECONDS = 3600
_AT_PROVIDER_SECONDS = 600

_PROVIDER = """<p><a class="button" href="/login/openid?next={back}">Sign in at {name}</a></p>
<p class="or">or</p>"""
_FORM = """<div class="card"><h1>Sign in</h1>{provider}
<form method="post" action="/login">{csrf}<input type="hidden" name="next" value="{back}">
<label><span>Token</span><input type="password" name="token" required autocomplete="off" spellcheck="false"></label>
<button>Sign in with a token</button></form>
<p><small>On the machine itself, <code>sluice handoff link</code> prints a link that signs in once.</small></p></div>"""
_LINK = """<div class="card"><h1>Welcome</h1><p>This link signs one browser in, once, as the administrator of this
handoff.</p><form method="post" action="/login">{csrf}<input type="hidden" name="link" value="{link}">
<button>Sign in here</button></form></div>"""
_OUT = """<div class="card"><h1>Signed out</h1><p>This browser is signed out of Sluice.</p>{provider}
<p><a href="/login">Sign in again</a></p></div>"""
_OUT_THERE = '<p>You may still be signed in at {name}. <a href="{url}">Sign out there too</a></p>'


@router.get("/login")
def show_sign_in(
    request: Request,
    service: ServiceDep,
    back: Annotated[str | None, Query(alias="next")] = None,
    link: Annotated[str | None, Query(max_length=128)] = None,
) -> Response:
    """Show how to sign in. Opening a link spends nothing: programs look at links before people do."""
    require_private_way(request)
    if link is None and service.sign_in.sessions.find(read_cookie(request, SESSION)):
        return go(way_back(back))
    secret = begun_secret(request)
    if link is not None:
        body = fill(_LINK, csrf=csrf_field(secret), link=link)
    else:
        provider = _provider(service.sign_in.flow, way_back(back))
        body = fill(_FORM, provider=provider, csrf=csrf_field(secret), back=way_back(back))
    response = page("Sign in", body)
    set_cookie(request, response, BEGUN, secret, _BEGUN_SECONDS)
    return response


@router.post("/login")
def sign_in(request: Request, form: FormDep, service: ServiceDep) -> Response:
    """Sign in by a link or by a token."""
    require_private_way(request)
    require_same(form.get("csrf"), read_cookie(request, BEGUN))
    _take_attempt(request, service)
    if "link" in form:
        return _enter(request, service, service.sign_in.once.redeem_link(form["link"]), "/")
    token = form.get("token", "").strip()
    who = service.sign_in.tokens.find(token)
    if who is None:
        raise UnauthorizedError("This token is none that holds.", remedy="Take another, or ask an administrator.")
    return _enter(request, service, who, way_back(form.get("next")), token=token)


@router.get("/login/openid")
def begin_at_provider(
    request: Request, service: ServiceDep, back: Annotated[str | None, Query(alias="next")] = None
) -> Response:
    """Lead to the provider."""
    require_private_way(request)
    attempt = Attempt.new(way_back(back))
    response = go(_flow(service).begin(attempt))
    set_cookie(request, response, SIGN_IN, attempt.pack(), _AT_PROVIDER_SECONDS)
    return response


@router.get(CALLBACK)
def come_back_from_provider(request: Request, service: ServiceDep) -> Response:
    """Sign in whom the provider names."""
    require_private_way(request)
    cookie = read_cookie(request, SIGN_IN)
    if cookie is None:
        raise SignInError
    attempt = Attempt.unpack(cookie)
    answer = request.query_params
    if len(answer.multi_items()) != len(answer.keys()):
        raise SignInError
    _take_attempt(request, service)
    who = _flow(service).finish(attempt, dict(answer))
    service.sign_in.once.spend_state(attempt.state)
    response = _enter(request, service, who, way_back(attempt.back_to))
    with service.database.write() as session:  # a GET, which is not noted where changes are
        note_act(session, Act(who, "come_back_from_provider", "", response.status_code))
    return response


@router.post("/logout")
def sign_out(request: Request, _form: CheckedFormDep, service: ServiceDep) -> Response:
    """End the session, here and on every replica."""
    service.sign_in.sessions.end(read_cookie(request, SESSION))
    url = service.sign_in.flow.leave() if service.sign_in.flow else None
    there = (
        fill(_OUT_THERE, name=service.sign_in.flow.provider_name, url=url) if service.sign_in.flow and url else NOTHING
    )
    response = page("Signed out", fill(_OUT, provider=there))
    drop_cookie(request, response, SESSION)
    return response


@router.get("/logout")
def show_first_page() -> Response:
    """Lead back whoever opens the address itself; only the form signs out."""
    return go("/")


def _enter(request: Request, service: Service, who: Principal, back: str, *, token: str | None = None) -> Response:
    """Open a session, and end what this browser had before."""
    if not who.may("read"):
        remedy = "Sign in as somebody who may read, as an operator, ml-engineer, auditor or admin."
        raise ForbiddenError("This token opens no pages.", code="no-pages", remedy=remedy)
    request.state.principal = who
    service.sign_in.sessions.end(read_cookie(request, SESSION))
    secret = service.sign_in.sessions.open(who, token=token)
    response = go(back)
    set_cookie(request, response, SESSION, secret, service.settings.pages.session_seconds)
    for name in (BEGUN, SIGN_IN):
        drop_cookie(request, response, name)
    return response


def _take_attempt(request: Request, service: Service) -> None:
    wait = service.sign_in.attempts.take(neighbourhood(request.client.host if request.client else None))
    if wait:
        raise TooManyError(math.ceil(wait))


def _flow(service: Service) -> CodeFlow:
    if service.sign_in.flow is None:
        raise NotFoundError("No OpenID provider is set up.", remedy="Set openid.client_id and pages.url.")
    return service.sign_in.flow


def _provider(flow: CodeFlow | None, back: str) -> Html:
    return NOTHING if flow is None else fill(_PROVIDER, back=quote(back, safe="/"), name=flow.provider_name)
