"""The stylesheet and the icon: files that browsers may keep."""

import hashlib
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response

from handoff.api.pages.frame import ICON, STYLE

router = APIRouter(include_in_schema=False)
_FOLDER = Path(__file__).parent
_STYLE, _ICON = (_FOLDER / "style.css").read_bytes(), (_FOLDER / "icon.svg").read_bytes()


@router.get(STYLE)
async def get_style(request: Request) -> Response:
    """Give the stylesheet."""
    return _kept(request, _STYLE, "text/css; charset=utf-8")


@router.get(ICON)
async def get_icon(request: Request) -> Response:
    """Give the icon."""
    return _kept(request, _ICON, "image/svg+xml")


def _kept(request: Request, content: bytes, media_type: str) -> Response:
    """A file, or only that it is still the same."""
    headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()[:16]}"', "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)
