"""Errors as pages: who is not signed in is led there and back, and everybody else reads what to do."""

import re
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from handoff.api.pages.browser import SignInFirstError
from handoff.api.pages.frame import HEADERS, page
from handoff.api.pages.html import fill
from handoff.errors import HandoffError, NotFoundError

_OWN_PAGES = re.compile(r"/(?:handoffs/[0-9a-f]{32}|tokens)?", re.ASCII)
"""Where a sign-in may lead: our own pages alone, so that no link makes it lead to another site."""
_ERROR = """<div class="card"><h1>{title}</h1><p>{remedy}</p><p><small>{status} · {code}</small></p>
<p><a href="/">Back to what runs now</a></p></div>"""


def way_back(path: str | None) -> str:
    """A page of ours; anything else is the first one."""
    return path if path is not None and _OWN_PAGES.fullmatch(path) else "/"


def go(path: str) -> RedirectResponse:
    """Lead the browser to another page, by GET."""
    return RedirectResponse(path, status_code=303, headers=HEADERS)


class PageRoute(APIRoute):
    """A route whose errors are pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler, with its errors caught."""
        handle = super().get_route_handler()

        async def with_pages(request: Request) -> Response:
            try:
                return await handle(request)
            except SignInFirstError as error:
                if request.method == "GET":
                    return go(f"/login?next={quote(way_back(request.url.path), safe='/')}")
                return _error_page(request, error)
            except HandoffError as error:
                return _error_page(request, error)
            except RequestValidationError:
                return _error_page(request, NotFoundError("There is no such page.", remedy="Check the address."))

        return with_pages


def page_router() -> APIRouter:
    """A router of pages; they are no part of the API's description."""
    return APIRouter(route_class=PageRoute, include_in_schema=False)


def _error_page(request: Request, error: HandoffError) -> Response:
    request.state.code = error.code
    body = fill(_ERROR, title=str(error), remedy=error.remedy, status=error.status, code=error.code)
    return page("Not done", body, status=error.status)
