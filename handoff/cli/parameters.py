"""Parameters of a handoff as they are typed: NAME=VALUE, by the type that the pipeline gives the name."""

import json
from collections.abc import Iterable, Mapping

import click
from pydantic import JsonValue

from handoff.schemas.pipelines import PipelineInput


def read_parameters(given: Iterable[str], inputs: Mapping[str, PipelineInput]) -> dict[str, JsonValue]:
    """The values by name; text stays text, everything else is JSON.

    Raises:
        click.BadParameter: no NAME=VALUE, a name that the pipeline does not have, or a value of another type.
    """
    return dict(_one(text, inputs) for text in given)


def _one(text: str, inputs: Mapping[str, PipelineInput]) -> tuple[str, JsonValue]:
    name, equals, value = text.partition("=")
    if not equals:
        message = f"{text} is no NAME=VALUE."
        raise click.BadParameter(message, param_hint="--set")
    if name not in inputs:
        message = f"The pipeline has no parameter {name}; it has {', '.join(sorted(inputs))}."
        raise click.BadParameter(message, param_hint="--set")
    kind = inputs[name].type
    if kind == "STRING":
        return name, value
    try:
        return name, json.loads(value)
    except ValueError as error:
        message = f"{name} takes a {kind.lower().removeprefix('number_')}, and {value!r} is none."
        raise click.BadParameter(message, param_hint="--set") from error
