"""The documented fields of each message, as protobuf's JSON reads them: an unknown field refuses the request."""

import re
from datetime import datetime
from typing import Any

from tests.kubeflow_server.errors import ApiError

ANY = "any"
TIME = "time"
Shape = dict[str, Any]
"""Field name to: `str`, `int`, `bool`, `dict` (any object), TIME, ANY, a list with one shape, or a nested shape."""

_STATUS: Shape = {"code": int, "message": str, "details": [ANY]}
_REFERENCE: Shape = {"pipeline_id": str, "pipeline_version_id": str}
_RUNTIME: Shape = {"parameters": dict, "pipeline_root": str}
EXPERIMENT: Shape = {
    "experiment_id": str, "display_name": str, "description": str, "created_at": TIME, "namespace": str,
    "storage_state": str, "last_run_created_at": TIME,
}  # fmt: skip
PIPELINE: Shape = {
    "pipeline_id": str, "display_name": str, "name": str, "description": str, "created_at": TIME, "namespace": str,
    "error": _STATUS, "tags": dict,
}  # fmt: skip
RUN: Shape = {
    "experiment_id": str, "run_id": str, "display_name": str, "storage_state": str, "description": str,
    "pipeline_version_id": str, "pipeline_spec": dict, "pipeline_version_reference": _REFERENCE,
    "runtime_config": _RUNTIME, "service_account": str, "created_at": TIME, "scheduled_at": TIME,
    "finished_at": TIME, "state": str, "error": _STATUS, "run_details": dict, "recurring_run_id": str,
    "state_history": [ANY], "plugins_input": dict, "plugins_output": dict,
}  # fmt: skip
RECURRING_RUN: Shape = {
    "recurring_run_id": str, "display_name": str, "description": str, "pipeline_version_id": str,
    "pipeline_spec": dict, "pipeline_version_reference": _REFERENCE, "runtime_config": _RUNTIME,
    "service_account": str, "max_concurrency": ANY, "trigger": dict, "mode": str, "created_at": TIME,
    "updated_at": TIME, "status": str, "error": _STATUS, "no_catchup": bool, "namespace": str,
    "experiment_id": str, "plugins_input": dict,
}  # fmt: skip
FILTER: Shape = {
    "predicates": [
        {
            "operation": ANY, "key": str, "int_value": int, "long_value": ANY, "string_value": str,
            "timestamp_value": TIME, "int_values": {"values": [int]}, "long_values": {"values": [ANY]},
            "string_values": {"values": [str]},
        }
    ]
}  # fmt: skip


def read(message: Any, shape: Shape) -> dict[str, Any]:
    """The message with protobuf's own field names, null fields left out.

    Raises:
        ApiError: a field is unknown or has another type (400, code 3).
    """
    if not isinstance(message, dict):
        raise _syntax(f"unexpected token {message!r:.40}")
    found = {}
    for name, value in message.items():
        field = re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
        if field not in shape:
            raise _syntax(f'unknown field "{name}"')
        if value is not None:
            found[field] = _value(name, value, shape[field])
    return found


def _value(name: str, value: Any, wanted: Any) -> Any:
    if isinstance(wanted, dict):
        return read(value, wanted)
    if isinstance(wanted, list):
        if not isinstance(value, list):
            raise _syntax(f"unexpected token for {name}")
        return [_value(name, item, wanted[0]) for item in value]
    if wanted == TIME:
        return seconds(name, value)
    if wanted != ANY and (not isinstance(value, wanted) or (wanted is int and isinstance(value, bool))):
        raise _syntax(f"invalid value for field {name}")
    return value


def seconds(name: str, value: Any) -> int:
    """A protobuf timestamp in seconds, as the server's tables have it."""
    try:
        return int(datetime.fromisoformat(value).timestamp())
    except (TypeError, ValueError) as error:
        raise _syntax(f"invalid google.protobuf.Timestamp value for {name}") from error


def _syntax(message: str) -> ApiError:
    return ApiError(3, f"proto: (line 1:1): {message}")
