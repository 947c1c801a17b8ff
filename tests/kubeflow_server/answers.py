"""Answers as protobuf writes them: its own field names, seconds in UTC, and what is empty is left out."""

from datetime import UTC, datetime
from typing import Any


def time_of(seconds: int) -> str:
    """A protobuf timestamp."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def message(**fields: Any) -> dict[str, Any]:
    """A message without its empty fields; an empty list is an absent one."""
    return {name: value for name, value in fields.items() if value not in (None, "", 0, [], {}, False)}
