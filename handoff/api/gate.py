"""Who a request is from, before any of its body is read.

1. An address that asks too much is told to wait.
2. What begins with /v1/ names somebody known, or is refused; an address that is refused too often is told to wait.
3. Somebody who asks too much is told to wait.

Whether somebody known may do what a route does, the route says itself (`handoff.api.dependencies.allowed`).
"""

import asyncio
import math
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from handoff.access.access_settings import AccessLimits
from handoff.access.audit import Act, AuditTrail
from handoff.access.authenticate import Authentication
from handoff.access.limits import Buckets, neighbourhood
from handoff.access.principal import Principal
from handoff.api.problems import problem_of
from handoff.api.routes import route_name
from handoff.errors import BusyError, HandoffError, OpenidDownError, TooManyError, UnauthorizedError

GUARDED = "/v1/"
"""What begins with it is for those who send a token."""
_THREADS = 16
"""Looking up tokens never waits for the threads that write packages."""


class Gate:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, authentication: Authentication, limits: AccessLimits, trail: AuditTrail) -> None:
        self._app = app
        self._authentication = authentication
        self._trail = trail
        self._addresses = Buckets(limits.address_requests_per_second, limits.address_burst_requests)
        self._failures = Buckets(limits.failures_per_minute / 60, max(1.0, limits.failures_per_minute))
        self._principals = Buckets(limits.requests_per_second, limits.burst_requests)
        self._threads = ThreadPoolExecutor(_THREADS, "gate")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass with its principal, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            await self._look(scope)
        except HandoffError as error:
            scope.setdefault("state", {})["code"] = error.code
            await problem_of(error)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    async def _look(self, scope: Scope) -> None:
        address = neighbourhood((scope.get("client") or (None,))[0])
        _take(self._addresses, address)  # (1)
        if not scope["path"].startswith(GUARDED):
            return
        try:
            who = await self._principal(scope)
        except (BusyError, OpenidDownError, TooManyError):  # no fault of whoever asks
            raise
        except HandoffError as error:
            _take(self._failures, address)  # (2)
            act = Act(None, route_name(scope), "", error.status, error.code)
            try:
                await self._trail.append(act)
            except SQLAlchemyError:
                raise BusyError from error
            raise
        _take(self._principals, who.name)  # (3)
        scope.setdefault("state", {})["principal"] = who

    async def _principal(self, scope: Scope) -> Principal:
        given = Headers(scope=scope).getlist("authorization")
        if len(given) != 1:  # of two, a proxy might have looked at the other one
            raise UnauthorizedError
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._authentication.principal, given[0])
        except SQLAlchemyError as error:
            raise BusyError from error


def _take(buckets: Buckets, name: str) -> None:
    wait = buckets.take(name)
    if wait:
        raise TooManyError(math.ceil(wait))
