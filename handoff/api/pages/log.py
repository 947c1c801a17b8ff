"""The end of what a run printed, for its page."""

from handoff.database.tables import Handoff
from handoff.errors import NotFoundError, WithdrawnError
from handoff.handoffs.left import Left
from handoff.handoffs.tail import last_lines
from handoff.service import Service

_MOST_BYTES = 32 << 10
_MOST_LINES = 200


def end_of_log(service: Service, handoff: Handoff) -> str | None:
    """The last lines of a run's log; None when there is none here, or none that may be shown."""
    try:
        file = Left(service.home, service.settings, service.database).log(handoff)
        found = None if file is None else last_lines(file, _MOST_LINES, most_bytes=_MOST_BYTES)
    except (NotFoundError, WithdrawnError, OSError):
        return None
    return None if found is None else found.decode("utf-8", "replace")
