"""What may be at a place of a document that was refused, in words that repeat nothing of what was there."""

from collections.abc import Mapping
from typing import Any

_SAY_NO_VALUE = frozenset(
    {
        *("missing", "extra_forbidden", "string_pattern_mismatch", "string_too_short", "string_too_long"),
        *("string_type", "int_type", "float_type", "bool_type", "list_type", "tuple_type", "dict_type", "model_type"),
        *("int_parsing", "float_parsing", "bool_parsing", "int_from_float", "model_attributes_type"),
        *("too_short", "too_long", "greater_than", "greater_than_equal", "less_than", "less_than_equal"),
        *("literal_error", "enum"),
    }
)
"""Kinds of pydantic's errors whose text is made of the form alone."""


def expected(error: Mapping[str, Any]) -> str | None:
    """What one of pydantic's errors expected; None where its text could hold a value."""
    if error["type"] == "json_invalid":
        return "JSON that can be read"
    return str(error["msg"]) if error["type"] in _SAY_NO_VALUE else None
