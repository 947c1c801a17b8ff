"""Every error as problem details (RFC 9457): title, status, code, remedy; never content of the request."""

import errno
from collections.abc import Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import Field
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from starlette.exceptions import HTTPException

from handoff.contract.document import Document
from handoff.errors import BusyError, HandoffError, RefusedError, StoreFullError
from handoff.unfit import expected

log = structlog.get_logger("handoff.api")
MEDIA_TYPE = "application/problem+json"
_FORM = "A value of the form that /openapi.json has"


class Problem(Document):
    """What went wrong and what to do."""

    type: str = Field(description="urn:sluice:problem:<code>")
    title: str
    status: int
    code: str
    remedy: str
    places: tuple[str, ...] = Field((), description="Where in the request, for a request that was not understood.")
    expected: tuple[str, ...] = Field((), description="What may be at each of these places.")


def problem_response(
    status: int, code: str, title: str, remedy: str, wrong: Sequence[tuple[str, str]] = ()
) -> JSONResponse:
    """A response that is a problem; `wrong` are places of the request, with what may be there."""
    facts = {"title": title, "status": status, "code": code, "remedy": remedy}
    facts |= {"places": tuple(place for place, _ in wrong), "expected": tuple(what for _, what in wrong)}
    problem = Problem.model_validate({"type": f"urn:sluice:problem:{code}", **facts})
    headers = {401: {"WWW-Authenticate": "Bearer"}, 408: {"Connection": "close"}}.get(status)
    return JSONResponse(problem.plain(), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def problem_of(error: HandoffError) -> JSONResponse:
    """A response that tells of an error."""
    response = problem_response(error.status, error.code, str(error), error.remedy)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def install_problems(app: FastAPI) -> None:
    """Translate every error in one place."""

    @app.exception_handler(HandoffError)
    def _known(request: Request, error: HandoffError) -> JSONResponse:
        request.state.code = error.code
        return problem_of(error)

    @app.exception_handler(RequestValidationError)
    def _not_understood(request: Request, error: RequestValidationError) -> JSONResponse:
        request.state.code = "not-understood"
        wrong = [(".".join(map(_place, item["loc"])), expected(item) or _FORM) for item in error.errors()[:20]]
        remedy = "Mend what is named, and send it again." if wrong else "See /openapi.json for its form."
        return problem_response(422, "not-understood", "The request was not understood.", remedy, wrong)

    @app.exception_handler(HTTPException)
    def _by_framework(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 400:  # a body that is no text, or nested without an end
            return _not_understood(request, RequestValidationError([]))
        request.state.code = f"http-{error.status_code}"
        return problem_response(
            error.status_code, f"http-{error.status_code}", str(error.detail), "See /openapi.json for what exists."
        )

    @app.exception_handler(OSError)
    def _disk(request: Request, error: OSError) -> JSONResponse:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            return _unknown(request, error)
        return _known(request, StoreFullError())

    @app.exception_handler(DataError)
    def _unfit(request: Request, _error: DataError) -> JSONResponse:
        """A value that no column takes, as a NUL in a cursor: the database says what SQLite would store."""
        return _known(request, RefusedError("A value of the request is not one that can be kept."))

    @app.exception_handler(NoConnectionError)
    @app.exception_handler(OperationalError)
    def _database(request: Request, error: Exception) -> JSONResponse:
        log.error("database", exc_info=error)
        return _known(request, BusyError())

    @app.exception_handler(Exception)
    def _unknown(request: Request, error: Exception) -> JSONResponse:
        return unforeseen(request, error)


def unforeseen(request: Request, error: Exception) -> JSONResponse:
    """The response to a bug: it says nothing of it, the log does."""
    request.state.code = "internal"
    log.error("request-failed", exc_info=error)
    return problem_response(500, "internal", HandoffError().args[0], HandoffError.remedy)


def _place(step: object) -> str:
    """A step of a place; what is no short word could be a value of the request, so only its kind is said."""
    text = str(step)
    return text if isinstance(step, int) or (text.isidentifier() and len(text) <= 32) else "*"


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "content": {MEDIA_TYPE: {}}, "description": description}
    for status, description in {
        401: "No known token",
        403: "A token that may not do this",
        404: "No such thing",
        408: "The body came too slowly",
        409: "The id stands for other content",
        410: "Withdrawn, for ever",
        413: "Larger than this service takes",
        422: "Content that cannot be taken; `code` says why",
        429: "More than a sender may ask for; Retry-After says when",
        507: "The store has no room left",
    }.items()
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may answer with, for the OpenAPI document."""
    return {status: PROBLEMS[status] for status in (401, 403, *statuses, 422, 429)}
