"""What a compiled KFP YAML asks for: its inputs, and the values that fit them."""

from typing import Any

import yaml
from pydantic import JsonValue

from handoff.contract.canonical import canonical_json
from handoff.errors import PipelineError
from handoff.pipelines.contract import keep_contract
from handoff.schemas.pipelines import PipelineInput

_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "STRING": (str,),
    "NUMBER_INTEGER": (int,),
    "NUMBER_DOUBLE": (float,),
    "BOOLEAN": (bool,),
    "LIST": (list,),
    "STRUCT": (dict,),
}
"""KFP's parameter types as JSON values."""


def read_inputs(text: str) -> dict[str, PipelineInput]:
    """The inputs of a compiled pipeline that keeps the contract.

    Raises:
        PipelineError: it is no compiled pipeline, or breaks the contract, see `keep_contract`.
    """
    document = _document(text)
    inputs = _inputs(document["root"])
    keep_contract(document, inputs)
    return inputs


def _inputs(root: dict[str, Any]) -> dict[str, PipelineInput]:
    try:
        written = root.get("inputDefinitions", {}).get("parameters", {})
        return {
            str(name): PipelineInput(
                type=facts["parameterType"],
                optional=bool(facts.get("isOptional", False)) or "defaultValue" in facts,
                default=_json(facts.get("defaultValue")),
            )
            for name, facts in written.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise PipelineError("The pipeline's inputs cannot be read.", code="pipeline-invalid") from error


def fit_parameter(kind: str, value: JsonValue) -> JsonValue:
    """The value as an input of this type takes it: a whole number fits where a fraction may stand, nothing else bends.

    Raises:
        PipelineError: the value has another type.
    """
    if kind == "NUMBER_DOUBLE" and isinstance(value, int) and not isinstance(value, bool):
        return _fraction(value)
    fits = _PYTHON_TYPES.get(kind, ())
    if not isinstance(value, fits) or (isinstance(value, bool) and bool not in fits):
        message = f"A parameter is not of the type {kind} that the pipeline takes."
        raise PipelineError(message, code="parameter-type")
    try:
        return _json(value)
    except ValueError as error:
        raise PipelineError("A parameter has no JSON form.", code="parameter-type") from error


def _fraction(value: int) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise PipelineError("A parameter is a number that no fraction reaches.", code="parameter-type") from error


def _json(value: JsonValue) -> JsonValue:
    """The value, if it can be written as JSON that every database and engine reads.

    Raises:
        ValueError: it holds no number, half a letter, or another type.
        TypeError: it holds a type that JSON does not have.
    """
    canonical_json(value)
    return value


def _document(text: str) -> dict[str, Any]:
    try:
        document = next(iter(yaml.safe_load_all(text)), None)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise PipelineError("The pipeline is no YAML.", code="pipeline-invalid") from error
    if not isinstance(document, dict) or "deploymentSpec" not in document or not isinstance(document.get("root"), dict):
        raise PipelineError("The YAML is no compiled KFP pipeline.", code="pipeline-invalid")
    return document
