"""The end of what a run printed."""

import os

from handoff.backends.make import make_backend
from handoff.database.tables import Handoff
from handoff.service import Service

_TAIL_BYTES = 32 << 10
_TAIL_LINES = 200


def last_lines(service: Service, handoff: Handoff) -> str | None:
    """The last lines of a run's log; None when there is none here."""
    target = service.settings.targets.get(handoff.target)
    if target is None:
        return None
    file = make_backend(service.home, handoff.target, target).logs(handoff.reference or handoff.key)
    if file is None:
        return None
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - _TAIL_BYTES))
            text = stream.read(_TAIL_BYTES).decode("utf-8", "replace")
    except OSError:
        return None
    lines = text.splitlines()[1:] if size > _TAIL_BYTES else text.splitlines()
    return "\n".join(lines[-_TAIL_LINES:])
