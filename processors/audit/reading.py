"""Records again, for people: those of a day, a shipment, an instance or a reason."""

import json
from collections.abc import Iterator
from pathlib import Path

from processors.audit.errors import AuditUnreadableError
from processors.audit.lines import HEAD, Record, files_of


def records(root: Path, project: str, *, day: str | None = None, **equal: str | None) -> Iterator[Record]:
    """Records in order, without heads; lines that are none are passed over, as `verify` names them.

    Args:
        root: the folder of all chains.
        project: whose chain.
        day: only of this file, YYYY-MM-DD.
        equal: fields and what they must be; None stands for anything.

    Raises:
        AuditUnreadableError: a file cannot be read.
    """
    wanted = {name: value for name, value in equal.items() if value is not None}
    try:
        for file in files_of(root / project):
            if day is not None and file.stem != day:
                continue
            with file.open("rb") as lines:
                for line in lines:
                    record = _of(line)
                    if record and record.get("kind") != HEAD and all(record.get(k) == v for k, v in wanted.items()):
                        yield record
    except OSError as error:
        raise AuditUnreadableError(f"The audit record of {project} cannot be read: {error.strerror}.") from error


def _of(line: bytes) -> Record | None:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
