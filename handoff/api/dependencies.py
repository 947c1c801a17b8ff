"""What routes ask for."""

from typing import Annotated, cast

from fastapi import Depends, Query, Request, Security
from fastapi.security import HTTPBearer

from handoff.errors import RefusedError
from handoff.service import Service

_BEARER = HTTPBearer(auto_error=False, description="A token of the research home: `token` or `api-token`.")


def service_of(request: Request) -> Service:
    """The service that the app was made for."""
    return cast("Service", request.app.state.service)


ServiceDep = Annotated[Service, Depends(service_of)]


def deliverer(request: Request, service: ServiceDep) -> None:
    """Only the intake token delivers."""
    service.tokens.require(request.headers.get("authorization"), "intake")


def reader(request: Request, service: ServiceDep) -> None:
    """Both tokens read what the trusted side reconciles and polls."""
    service.tokens.require(request.headers.get("authorization"), "intake", "api")


def user(request: Request, service: ServiceDep) -> None:
    """Only the API token does everything else."""
    service.tokens.require(request.headers.get("authorization"), "api")


Deliverer = [Security(_BEARER), Depends(deliverer)]
Reader = [Security(_BEARER), Depends(reader)]
User = [Security(_BEARER), Depends(user)]

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
