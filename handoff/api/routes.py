"""Which route a request is for."""

from collections.abc import Iterable, Iterator

from starlette.routing import BaseRoute, Match
from starlette.types import Scope

UNKNOWN = "unknown"


def route_name(scope: Scope) -> str:
    """The name of the route's function; `unknown` when there is none for this path and method."""
    route = scope.get("route") or _match(scope)
    return str(getattr(route, "name", None) or UNKNOWN)


def _match(scope: Scope) -> BaseRoute | None:
    """The route of a request that did not come as far as the router."""
    routes = _all(getattr(scope.get("app"), "routes", ()))
    return next((route for route in routes if route.matches(scope)[0] is Match.FULL), None)


def _all(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    """Every route; FastAPI keeps those of an included router together."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield route
        else:
            yield from _all(included.routes)
