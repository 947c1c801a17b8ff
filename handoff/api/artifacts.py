"""List and fetch what the steps of a run wrote for each other. What counts is the result; these are for people."""

import os
from collections.abc import Iterator
from pathlib import Path as Folder
from typing import Annotated

from fastapi import APIRouter, Path, Response
from fastapi.responses import FileResponse

from handoff.api.dependencies import After, Limit, ServiceDep, WhoDep, allowed
from handoff.api.problems import problems
from handoff.api.seen import HandoffId, require_seen
from handoff.contract.identifiers import RelativePath
from handoff.errors import NotFoundError
from handoff.handoffs.left import Left
from handoff.schemas.handoffs import ArtifactView
from handoff.schemas.page import Page
from handoff.store.files import Folder as FilesOf
from handoff.store.files import OutsideError

router = APIRouter(tags=["handoffs"])


@router.get("/v1/handoffs/{handoff_id}/artifacts", dependencies=allowed("read"), responses=problems(404, 410))
def list_artifacts(
    handoff_id: HandoffId, service: ServiceDep, who: WhoDep, after: After = None, limit: Limit = 50
) -> Page[ArtifactView]:
    """List the files by path; none for an engine that keeps them where we cannot reach them."""
    row = require_seen(service, who, handoff_id)
    folder = Left(service.home, service.settings, service.database).artifacts(row)
    found = [] if folder is None else _some(folder, after, limit + 1)
    items = tuple(ArtifactView(path=path, size=size) for path, size in found[:limit])
    return Page(items=items, next=items[-1].path if len(found) > limit else None)


@router.get(
    "/v1/handoffs/{handoff_id}/artifacts/{path:path}",
    dependencies=allowed("read"),
    response_class=FileResponse,
    responses=problems(404, 410),
)
def get_artifact(
    handoff_id: HandoffId, path: Annotated[RelativePath, Path()], service: ServiceDep, who: WhoDep
) -> Response:
    """Fetch one file, as its step left it; nobody re-read its digest."""
    row = require_seen(service, who, handoff_id)
    folder = Left(service.home, service.settings, service.database).artifacts(row)
    if folder is None:
        raise NotFoundError
    try:
        FilesOf(folder).size(path)  # only a regular file of this folder, wherever links lead
    except (OSError, OutsideError) as error:
        raise NotFoundError from error
    headers = {"Content-Disposition": "attachment"}
    return FileResponse(folder / path, media_type="application/octet-stream", headers=headers)


def _some(folder: Folder, after: str | None, most: int) -> list[tuple[str, int]]:
    """Paths and sizes after a cursor, sorted by the steps of the path; no more than are asked for."""
    found: list[tuple[str, int]] = []
    for path, size in _walk(folder, ()):
        if after is not None and path.split("/") <= after.split("/"):
            continue
        found.append((path, size))
        if len(found) == most:
            break
    return found


def _walk(folder: Folder, steps: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """Regular files below a folder; links are not followed."""
    with os.scandir(folder) as entries:
        ordered = sorted(entries, key=lambda entry: entry.name)
    for entry in ordered:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Folder(entry.path), (*steps, entry.name))
        elif entry.is_file(follow_symlinks=False):
            yield "/".join((*steps, entry.name)), entry.stat(follow_symlinks=False).st_size
