"""A record as one line, and the digest that chains the next one to it.

Every line is canonical JSON with `n` (its number in the chain of its project, from 1), `prev` (the digest of the line
before), `at` (UTC) and `kind`. The last line of each batch is a *head*: a signature over all that came before it.
"""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from handoff.contract.canonical import canonical_json

Record = dict[str, Any]

HEAD: Final = "head"
SITE: Final = "_site"
"""The chain of what concerns no project: accounts and sign-ins. No project can be called so."""
_FORM: Final = "sluice-audit/1"


def genesis(project: str) -> str:
    """What the first record of a chain is chained to."""
    return hashlib.sha256(f"{_FORM}/{project}".encode()).hexdigest()


def line_of(record: Record) -> bytes:
    """The line of a record, without its end."""
    return canonical_json(record)


def digest_of(line: bytes) -> str:
    """What the next line is chained to, hex."""
    return hashlib.sha256(line).hexdigest()


def record_of(line: bytes) -> Record | None:
    """The record of a line; None when it is none, or not in the one byte form that a record has."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or type(record.get("n")) is not int:
        return None
    return record if canonical_json(record) == line else None


def signed_part(head: Record) -> bytes:
    """What the signature of a head is made over: all of it but the signature."""
    return _FORM.encode() + b"\n" + canonical_json({key: value for key, value in head.items() if key != "signature"})


def moment(at: float) -> str:
    """Unix seconds as the record says them: UTC, ISO 8601, milliseconds."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def files_of(folder: Path) -> list[Path]:
    """The files of one project's chain, in their order."""
    return sorted(folder.glob("????-??-??.jsonl"))


def projects_of(root: Path) -> list[str]:
    """The chains that there are."""
    return sorted(each.name for each in root.iterdir() if each.is_dir()) if root.is_dir() else []
