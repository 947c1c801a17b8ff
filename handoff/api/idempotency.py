"""Idempotency-Key: a POST that comes again with the same key and body gets the first one's answer, and does nothing.

1. A key is of one principal. It is written down before anything is done: of requests at one time one works, and the
   others wait for its answer.
2. The same key with another path or body is refused, or the first answer would be taken for the second.
3. Only an answer that something was done is kept, before it is sent. A request that was refused did nothing, so its key
   is free again.
4. A key whose service was killed is free as soon as a service of that home starts, and for those of other homes after
   a minute; until then they answer 409 with Retry-After. What is made here is named by its content, so that doing it
   again makes nothing twice.
5. An answer that says that it may not be stored (Cache-Control: no-store, as one with a secret does) is not kept: a
   repeat is refused, and does nothing.
"""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from handoff.access.principal import Principal
from handoff.api.kept_answers import LEASE_SECONDS, Answer, KeptAnswers, Turn
from handoff.api.problems import problem_of
from handoff.contract.canonical import canonical_digest, canonical_json
from handoff.errors import BusyError, HandoffError, InProgressError, RefusedError

log = structlog.get_logger("handoff.api")
HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
_FORM = re.compile(r"[\x21-\x7e]{1,128}")
_LARGEST = 1 << 20
"""Characters of an answer that is kept; of a larger one the key is freed, and a repeat finds what was made."""
_PATIENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.1
_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "Any word of this client for this request: sent again with it, it is answered as the first time.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,128}$"},
}


class Idempotency:
    """ASGI middleware; it knows the principal, and the body is in hand."""

    def __init__(self, app: ASGIApp, answers: KeptAnswers) -> None:
        self._app = app
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on whose key is new, or answer it as before."""
        principal = scope.get("state", {}).get("principal")
        if scope["type"] != "http" or scope["method"] != "POST" or principal is None:
            await self._app(scope, receive, send)
            return
        keys = Headers(scope=scope).getlist(HEADER)
        if not keys:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        body = await request.body()
        try:
            begun = await self._begin(_owner(principal), keys, _digest(request, body))
        except HandoffError as error:
            scope["state"]["code"] = error.code
            await problem_of(error)(scope, receive, send)
            return
        except SQLAlchemyError:
            log.exception("idempotency")
            await problem_of(BusyError())(scope, receive, send)
            return
        if isinstance(begun, Answer):
            scope["state"]["code"] = "replayed"
            headers = {REPLAYED: "true"}
            again = Response(begun.body, begun.status, headers, begun.media_type)
            await again(scope, receive, send)
            return
        await self._work(begun, body, scope, receive, send)

    async def _begin(self, owner: str, keys: list[str], digest: str) -> Turn | Answer:
        """Steps (1) and (2)."""
        if len(keys) != 1 or not _FORM.fullmatch(keys[0]):
            message = f"{HEADER} is one word of at most 128 visible ASCII letters."
            raise RefusedError(message, code="idempotency-key", remedy="Send a random UUID, the same for each repeat.")
        until = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        while (begun := await run_in_threadpool(self._answers.begin, owner, keys[0], digest)) is None:
            if asyncio.get_running_loop().time() > until:
                raise InProgressError
            await asyncio.sleep(_LOOK_SECONDS)
        return begun

    async def _work(self, turn: Turn, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        """Steps (3) to (5): hold the answer back until it is kept."""
        held: list[Message] = []

        async def holding_send(message: Message) -> None:
            held.append(message)

        given = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return given.pop() if given else await receive()

        async with self._renewed(turn):
            try:
                await self._app(scope, again, holding_send)
            except Exception:
                await run_in_threadpool(self._answers.free, turn)
                raise
            if held:
                await self._keep(turn, held)
        for message in held:
            await send(message)

    async def _keep(self, turn: Turn, held: list[Message]) -> None:
        start = held[0]
        headers = Headers(raw=start["headers"])
        text = b"".join(message.get("body", b"") for message in held).decode("utf-8", "replace")
        try:
            if not 200 <= start["status"] < 300 or len(text) > _LARGEST:
                await run_in_threadpool(self._answers.free, turn)
                return
            secret = "no-store" in headers.get("cache-control", "")
            answer = None if secret else Answer(start["status"], headers.get("content-type", ""), text)
            await run_in_threadpool(self._answers.keep, turn, start["status"], answer)
        except SQLAlchemyError:  # it was done, and a repeat finds it by its content
            log.exception("idempotency")

    @asynccontextmanager
    async def _renewed(self, turn: Turn) -> AsyncIterator[None]:
        async def renew() -> None:
            while True:
                await asyncio.sleep(LEASE_SECONDS / 4)
                with suppress(SQLAlchemyError):
                    await run_in_threadpool(self._answers.renew, turn)

        task = asyncio.create_task(renew())
        try:
            yield
        finally:
            task.cancel()


def describe_keys(app: FastAPI) -> None:
    """Let the API's description tell of the header, for every POST."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is not None:
            return app.openapi_schema
        document = plain()
        posts = [methods["post"] for path, methods in document["paths"].items() if "post" in methods and _is_api(path)]
        for post in posts:
            post.setdefault("parameters", []).append(_PARAMETER)
            post["responses"].setdefault("409", post["responses"]["422"])
        return document

    app.openapi = described  # type: ignore[method-assign]


def _is_api(path: str) -> bool:
    return path.startswith("/v1/")


def _owner(principal: Principal) -> str:
    """Somebody, with what they may do now: whoever lost rights gets no answer of before."""
    projects = None if principal.projects is None else sorted(principal.projects)
    return canonical_digest([principal.name, principal.role, projects, principal.handoff_id])


def _digest(request: Request, body: bytes) -> str:
    """Of the request, however its JSON is written."""
    with suppress(ValueError, TypeError, RecursionError):
        body = canonical_json(json.loads(body))
    target = canonical_json([request.method, request.url.path, request.url.query])
    return hashlib.sha256(target + b"\n" + body).hexdigest()
