"""Which route a request is for."""

from starlette.routing import Match
from starlette.types import Scope

UNKNOWN = "unknown"


def route_name(scope: Scope) -> str:
    """The name of the route's function; `unknown` when there is none for this path and method."""
    route = scope.get("route") or _match(scope)
    return str(getattr(route, "name", UNKNOWN))


def _match(scope: Scope) -> object:
    """The route of a request that did not come as far as the router."""
    routes = getattr(scope.get("app"), "routes", ())
    return next((route for route in routes if route.matches(scope)[0] is Match.FULL), None)
