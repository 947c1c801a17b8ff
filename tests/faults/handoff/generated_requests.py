"""How generated requests are bent towards what is there: schemathesis loads this file (SCHEMATHESIS_HOOKS).

Random ids are never known, and would only ever show how 404 looks. So most ids in paths and bodies are replaced by
ids that the service has, and a body that is to be hashed gets its hash.
"""

import hashlib
import json
import os
import random
from typing import Any

import schemathesis

KNOWN: dict[str, list[str]] = json.loads(os.environ["SLUICE_KNOWN_IDS"])
INTAKE, API = os.environ["SLUICE_INTAKE_TOKEN"], os.environ["SLUICE_API_TOKEN"]
DELIVERED = ("/v1/shipments", "/v1/evidence", "/v1/labels", "/v1/results/objects")
SHARE = 0.7
random.seed(20)


@schemathesis.serializer("application/zip", "application/octet-stream")
def as_bytes(_context: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def before_call(_context: Any, case: Any, _kwargs: Any) -> None:
    delivers = case.method.upper() == "PUT" and case.path.startswith(DELIVERED)
    case.headers["Authorization"] = f"Bearer {INTAKE if delivers else API}"
    case.path_parameters = _bent(case.path_parameters)
    case.query = _ending(_bent(case.query))
    if isinstance(case.body, dict):
        case.body = _bent(case.body)
    if isinstance(case.body, bytes) and random.random() < SHARE:
        case.headers["Sluice-SHA256"] = hashlib.sha256(case.body).hexdigest()


def _bent(values: Any) -> Any:
    if not isinstance(values, dict):
        return values
    return {name: _known(name) if name in KNOWN and random.random() < SHARE else values[name] for name in values}


def _ending(query: Any) -> Any:
    """What is followed goes on until a run ends, and here none does: a valid request for it asks for one second."""
    if isinstance(query, dict) and str(query.get("follow")).lower() == "true":
        seconds = str(query.get("seconds", 300))
        return {**query, "seconds": 1} if seconds.isdecimal() and 1 < int(seconds) <= 300 else query
    return query


def _known(name: str) -> str:
    return random.choice(KNOWN[name])
