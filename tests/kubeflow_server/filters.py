"""Predicates of a list, as the server turns them into SQL: text without case and accents, also for EQUALS."""

import json
from typing import Any

from tests.kubeflow_server.errors import invalid
from tests.kubeflow_server.messages import FILTER, read

_SCALAR = {
    "EQUALS": "=",
    "NOT_EQUALS": "<>",
    "GREATER_THAN": ">",
    "GREATER_THAN_EQUALS": ">=",
    "LESS_THAN": "<",
    "LESS_THAN_EQUALS": "<=",
}
_NUMBERS = {0: "OPERATION_UNSPECIFIED", 1: "EQUALS", 2: "NOT_EQUALS", 3: "GREATER_THAN", 5: "GREATER_THAN_EQUALS"}
_NUMBERS |= {6: "LESS_THAN", 7: "LESS_THAN_EQUALS", 8: "IN", 9: "IS_SUBSTRING"}
"""The enum's numbers; kfp's client sends them, not the names."""
_VALUES = (
    "int_value",
    "long_value",
    "string_value",
    "timestamp_value",
    "int_values",
    "long_values",
    "string_values",
)


def where(text: str, columns: dict[str, str]) -> tuple[list[str], list[Any]]:
    """SQL conditions and their values.

    Raises:
        ApiError: not a filter, an unknown key, or a value that does not suit its operation.
    """
    if not text:
        return [], []
    try:
        message = json.loads(text)
    except ValueError as error:
        raise invalid("failed to parse valid filter from the filter string") from error
    conditions, values = [], []
    for predicate in read(message, FILTER).get("predicates", []):
        condition, given = _condition(predicate, columns)
        conditions.append(condition)
        values += given
    return conditions, values


def _condition(predicate: dict[str, Any], columns: dict[str, str]) -> tuple[str, list[Any]]:
    operation = predicate.get("operation", "OPERATION_UNSPECIFIED")
    operation = _NUMBERS.get(operation, operation)
    key = predicate.get("key", "")
    given = [predicate[name] for name in _VALUES if name in predicate]
    if not key:
        raise invalid(f"Predicate key cannot be empty for operation {operation}")
    if key not in columns:
        raise invalid(f'no support for filtering on unrecognized field "{key}"')
    if len(given) != 1:
        raise invalid(f"predicate on {key} needs one value")
    column, value = columns[key], given[0]
    if operation == "IN":
        if not isinstance(value, dict):
            raise invalid(f"cannot use IN operator with scalar type {type(value).__name__}")
        chosen = value.get("values", [])
        return f"fold({column}) IN ({','.join(['fold(?)'] * len(chosen))})", chosen
    if isinstance(value, dict):
        raise invalid(f"cannot use scalar operator {operation} on array type")
    if operation == "IS_SUBSTRING":
        if not isinstance(value, str):
            raise invalid(f"cannot use non string value type with operator {operation}")
        return f"fold({column}) LIKE fold(?)", [f"%{value}%"]
    if operation not in _SCALAR:
        raise invalid(f"invalid predicate operation: {operation}")
    if isinstance(value, str) and operation in {"EQUALS", "NOT_EQUALS"}:
        return f"fold({column}) {_SCALAR[operation]} fold(?)", [value]
    return f"{column} {_SCALAR[operation]} ?", [value]
