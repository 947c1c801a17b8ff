"""Pipeline packages: what a compiled one must have, and which parameters a run of it may and must give."""

from collections.abc import Mapping
from typing import Any

import yaml

from tests.kubeflow_server.errors import invalid

_TYPES: dict[str, type | tuple[type, ...]] = {
    "NUMBER_DOUBLE": (int, float),
    "NUMBER_INTEGER": (int, float),
    "STRING": str,
    "BOOLEAN": bool,
    "LIST": list,
    "STRUCT": dict,
    "TASK_FINAL_STATUS": dict,
}


def parse(package: str) -> dict[str, Any]:
    """A package as the API shows it: `{pipeline_spec}`, with `platform_spec` where it has a second document.

    Raises:
        ApiError: no compiled pipeline.
    """
    try:
        documents = [document for document in yaml.safe_load_all(package) if document is not None]
    except yaml.YAMLError as error:
        raise invalid("unknown template format: pipeline spec is invalid") from error
    if not documents or any(not isinstance(document, dict) for document in documents):
        raise invalid("unknown template format: pipeline spec is invalid")
    parts = {"pipeline_spec": document_of(documents, "root")}
    if any("platforms" in document for document in documents):
        parts["platform_spec"] = document_of(documents, "platforms")
    check(parts)
    return parts


def document_of(documents: list[dict[str, Any]], mark: str) -> dict[str, Any]:
    """The document that has a field."""
    found = [document for document in documents if mark in document]
    if len(found) != 1 or len(documents) > 2:
        raise invalid("invalid v2 pipeline spec: expected one pipeline and at most one platform document")
    return found[0]


def check(parts: Mapping[str, Any]) -> None:
    """Refuse what the engine could not run.

    Raises:
        ApiError: a part that each compiled pipeline has is missing.
    """
    spec = parts.get("pipeline_spec", parts)
    missing = [part for part in ("pipelineInfo", "root", "schemaVersion", "sdkVersion") if not spec.get(part)]
    if missing or not spec["pipelineInfo"].get("name"):
        raise invalid(f"invalid v2 pipeline spec: {missing or ['pipelineInfo.name']} is empty")


def check_parameters(parts: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Compare a run's parameters with the pipeline's.

    Raises:
        ApiError: one is unknown, missing or of another type.
    """
    spec = parts.get("pipeline_spec", parts)
    known = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise invalid(f"parameter(s) provided are not required by pipeline: {', '.join(unknown)}")
    for name, facts in known.items():
        optional = facts.get("isOptional") or "defaultValue" in facts
        if name not in given:
            if not optional:
                raise invalid(
                    f"parameter {name} is not optional, yet has neither default value nor user provided value"
                )
            continue
        wanted = _TYPES.get(facts.get("parameterType", ""))
        value = given[name]
        if wanted is not None and (not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool)):
            raise invalid(f"input parameter {name} requires type {facts['parameterType']}")
