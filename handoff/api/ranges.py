"""Files that may be fetched in parts, so that a broken download goes on where it broke off (RFC 9110 14)."""

import re

from fastapi.responses import Response, StreamingResponse

from handoff.errors import NotFoundError
from handoff.store.files import Files, OutsideError

_FROM = re.compile(r"bytes=([0-9]{1,18})-", re.ASCII)


def file_from(files: Files, path: str, sha256: str | None, media_type: str, asked: str | None) -> Response:
    """A file of the store, whole or from the byte that `Range: bytes=N-` names.

    Args:
        files: where it is.
        path: what it is called there.
        sha256: of the whole file, if it is known; sent along, so that the parts can be trusted once they are together.
        media_type: of the whole file.
        asked: the header Range, if there is one; any other form of it is answered with the whole file.

    Raises:
        NotFoundError: it is not there.
    """
    try:
        size = files.size(path)
    except (OSError, OutsideError) as error:
        if sha256 is None:
            raise NotFoundError from error
        raise NotFoundError("The file is gone from the store.", remedy="Restore the store from a backup.") from error
    headers = {"Accept-Ranges": "bytes", **({} if sha256 is None else {"Sluice-SHA256": sha256})}
    found = _FROM.fullmatch((asked or "").strip())
    start = int(found[1]) if found else 0
    if found and start >= size:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    if found:
        headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
    headers["Content-Length"] = str(size - start)
    status = 206 if found else 200
    return StreamingResponse(files.read(path, start), status_code=status, media_type=media_type, headers=headers)
