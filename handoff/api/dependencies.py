"""What routes ask for."""

from collections.abc import Callable
from typing import Annotated, cast

from fastapi import Depends, Query, Request, Security, params
from fastapi.security import HTTPBearer

from handoff.access.permissions import Verb, roles_that_may
from handoff.access.principal import Principal
from handoff.errors import ForbiddenError, RefusedError, UnauthorizedError
from handoff.service import Service

_BEARER = HTTPBearer(auto_error=False, description="A token of this service, or of the site's OpenID provider.")


def service_of(request: Request) -> Service:
    """The service that the app was made for."""
    return cast("Service", request.app.state.service)


async def service(request: Request) -> Service:
    """The same as a dependency; a coroutine, for of a plain function FastAPI makes a trip to a thread."""
    return service_of(request)


ServiceDep = Annotated[Service, Depends(service)]


async def principal(request: Request) -> Principal:
    """Whom the request is from, as the gate found out.

    Raises:
        UnauthorizedError: nobody known.
    """
    found: Principal | None = getattr(request.state, "principal", None)
    if found is None:
        raise UnauthorizedError
    return found


WhoDep = Annotated[Principal, Depends(principal)]


async def noted(request: Request) -> Callable[[], None]:
    """What a route calls once its act was written down together with the change itself."""

    def say() -> None:
        request.state.noted = True

    return say


NotedDep = Annotated[Callable[[], None], Depends(noted)]


def allowed(verb: Verb) -> list[params.Depends]:
    """The dependencies of a route that only those with a permission may use."""

    async def check(who: WhoDep) -> None:
        if not who.may(verb):
            roles = ", ".join(roles_that_may(verb))
            raise ForbiddenError(remedy=f"It takes the permission `{verb}`, which have: {roles}.")

    return [Security(_BEARER, scopes=[verb]), Depends(check)]


def known() -> list[params.Depends]:
    """The dependencies of a route for anybody known."""
    return [Security(_BEARER), Depends(principal)]


Limit = Annotated[int, Query(ge=1, le=1000, description="Most items of a page.")]
After = Annotated[str | None, Query(max_length=128, description="`next` of the page before.")]


def cursor_number(after: str | None) -> int:
    """A cursor that is a row number.

    Raises:
        RefusedError: it is none that this service gave.
    """
    if after is None:
        return 0
    if not after.isdecimal() or len(after) > 18:
        raise RefusedError("The cursor is none that this service gave.", code="cursor", remedy="Start without `after`.")
    return int(after)
