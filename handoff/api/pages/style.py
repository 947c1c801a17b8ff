"""The stylesheet, as one file that browsers may keep."""

import hashlib
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response

from handoff.api.pages.frame import STYLE

router = APIRouter(include_in_schema=False)
_SHEET = Path(__file__).with_name("style.css").read_bytes()
_TAG = f'"{hashlib.sha256(_SHEET).hexdigest()[:16]}"'


@router.get(STYLE)
async def get_style(request: Request) -> Response:
    """Give the stylesheet, or say that it is still the same."""
    headers = {"ETag": _TAG, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == _TAG:
        return Response(status_code=304, headers=headers)
    return Response(_SHEET, media_type="text/css; charset=utf-8", headers=headers)
