"""The one byte form of a document: keys sorted, no spaces, UTF-8. Digests and signatures are made over it."""

import hashlib
import json
from typing import Any

from pydantic import BaseModel


def canonical_json(value: Any) -> bytes:
    """Encode a model, or JSON types that may hold models, to the bytes that are signed and digested.

    Raises:
        TypeError: the value holds something that JSON has no type for.
        ValueError: a number is not finite.
    """
    return _ENCODER.encode(value).encode("utf-8")


def canonical_digest(value: Any) -> str:
    """SHA-256 of `canonical_json`, hex."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    message = f"{type(value).__name__} has no JSON form."
    raise TypeError(message)


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_plain)
"""Made once: a batch has a million lines."""
