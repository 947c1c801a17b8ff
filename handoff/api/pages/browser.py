"""Who is at the browser, its cookies, and whether a form came from one of our own pages.

A page's cookie opens nothing below /v1/, and a bearer token opens no page: so no other site can have a browser use
the API, and what pages change is guarded twice: by a secret in each form, and by where the browser says it came from.
"""

import hmac
import secrets
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request
from starlette.responses import Response

from handoff.access.openid.settings import is_loopback
from handoff.access.permissions import Verb, roles_that_may
from handoff.access.sessions import BrowserSession
from handoff.api.dependencies import ServiceDep, service_of
from handoff.errors import ForbiddenError, HandoffError, RefusedError

SESSION, BEGUN, SIGN_IN = "sluice", "sluice-form", "sluice-openid"
"""Cookies: of who signed in; of a form before that; of a sign-in at the provider that has begun."""
_MOST_FIELDS = 50


class SignInFirstError(HandoffError):
    """Nobody is signed in at this browser."""

    status = 403
    remedy = "Sign in at /login."
    code = "signed-out"


def read_cookie(request: Request, name: str) -> str | None:
    """The value of one of our cookies."""
    return request.cookies.get(_full_name(request, name))


def set_cookie(request: Request, response: Response, name: str, value: str, seconds: float) -> None:
    """Give the browser a cookie that no script reads, no other site sends with a form, and no other host can set."""
    response.set_cookie(
        _full_name(request, name),
        value,
        max_age=int(seconds),
        path="/",
        secure=_is_secure(request),
        httponly=True,
        samesite="lax",
    )


def drop_cookie(request: Request, response: Response, name: str) -> None:
    """Have the browser forget a cookie."""
    response.delete_cookie(
        _full_name(request, name), path="/", secure=_is_secure(request), httponly=True, samesite="lax"
    )


def require_private_way(request: Request) -> None:
    """Let nobody sign in where others on the way could read the cookie.

    Raises:
        ForbiddenError: the browser is on another machine, and there is no TLS between.
    """
    address = request.client.host if request.client else None
    if not (_is_secure(request) or is_loopback(address)):
        remedy = "Serve with --certificate and --key, or set pages.url to the https URL of the proxy before it."
        raise ForbiddenError("Signing in takes TLS.", code="tls-needed", remedy=remedy)


def session_of(request: Request, service: ServiceDep) -> BrowserSession:
    """Who is signed in.

    Raises:
        SignInFirstError: nobody.
    """
    session = service.sign_in.sessions.find(read_cookie(request, SESSION))
    if session is None or not session.who.may("read"):
        raise SignInFirstError
    request.state.principal = session.who
    return session


SessionDep = Annotated[BrowserSession, Depends(session_of)]


async def own_form(request: Request) -> dict[str, str]:
    """The fields of a form that one of our own pages sent; its secret is compared by who knows it.

    Raises:
        ForbiddenError: another site sent it.
        RefusedError: it is no form.
    """
    _require_own_origin(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise RefusedError("This is no form of a page.", code="form")
    try:
        body = (await request.body()).decode("ascii")
        fields = parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise RefusedError("This is no form of a page.", code="form") from error
    if len({name for name, _ in fields}) != len(fields):
        raise RefusedError("A field of the form stands twice.", code="form")
    return dict(fields)


FormDep = Annotated[dict[str, str], Depends(own_form)]


def checked_form(session: SessionDep, form: FormDep) -> dict[str, str]:
    """The fields of a form of this session.

    Raises:
        ForbiddenError: the form was made for another session, or by another site.
    """
    require_same(form.get("csrf"), session.csrf)
    return form


CheckedFormDep = Annotated[dict[str, str], Depends(checked_form)]


def begun_secret(request: Request) -> str:
    """The secret of forms before anybody is signed in; a new one where there is none."""
    return read_cookie(request, BEGUN) or secrets.token_urlsafe(32)


def require_same(given: str | None, expected: str | None) -> None:
    """Compare the secret of a form.

    Raises:
        ForbiddenError: it is another, or there is none.
    """
    if not given or not expected or not hmac.compare_digest(given.encode(), expected.encode()):
        message = "This form is too old, or was not sent by one of our pages."
        raise ForbiddenError(message, code="csrf", remedy="Load the page again and repeat.")


def require(session: BrowserSession, verb: Verb) -> None:
    """Let somebody do something.

    Raises:
        ForbiddenError: the role may not.
    """
    if not session.who.may(verb):
        raise ForbiddenError(remedy=f"It takes the permission {verb}, which have: {', '.join(roles_that_may(verb))}.")


def _require_own_origin(request: Request) -> None:
    fetched = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    own = service_of(request).settings.pages.url or f"{request.url.scheme}://{request.headers.get('host', '')}"
    if fetched not in {None, "same-origin"} or (origin is not None and origin != own):
        message = "Another site sent this form."
        raise ForbiddenError(message, code="cross-site", remedy="Do it on our own page; pages.url must be its address.")


def _is_secure(request: Request) -> bool:
    url = service_of(request).settings.pages.url
    return request.url.scheme == "https" or (url is not None and urlsplit(url).scheme == "https")


def _full_name(request: Request, name: str) -> str:
    """With TLS a name that browsers take from this very host alone; else the port's own, as cookies know no ports."""
    return f"__Host-{name}" if _is_secure(request) else f"{name}-{request.url.port or 80}"
