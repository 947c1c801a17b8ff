"""What a pipeline must keep, so that its runs can be believed; asked when it is registered, not when it runs.

1. It takes `batch_uri`, `handoff_key` and `result_uri`, each a string (`model_uri` too, if it takes one).
2. Some step is given `result_uri`, or none could leave a result.
3. No component has the pipeline's own name: kfp-local would load the component in its place.
"""

from collections.abc import Mapping
from typing import Any

from handoff.errors import PipelineError
from handoff.schemas.pipelines import PipelineInput

CONTRACT_INPUTS = ("batch_uri", "handoff_key", "result_uri")
"""Inputs that every pipeline takes and no request may set."""
MODEL_INPUT = "model_uri"
"""The input that a pipeline takes besides, which uses a model."""


def keep_contract(document: Mapping[str, Any], inputs: Mapping[str, PipelineInput]) -> None:
    """Let a compiled pipeline pass.

    Raises:
        PipelineError: it could never run, or its result could never be believed.
    """
    missing = [name for name in CONTRACT_INPUTS if name not in inputs]  # (1)
    if missing:
        message = f"The pipeline lacks the inputs {', '.join(missing)}."
        raise PipelineError(message, code="pipeline-inputs")
    other = [name for name in (*CONTRACT_INPUTS, MODEL_INPUT) if name in inputs and inputs[name].type != "STRING"]
    if other:
        message = f"The pipeline's inputs {', '.join(other)} are no strings."
        raise PipelineError(message, code="pipeline-inputs", remedy="Annotate them as str, and compile it again.")
    if not _leaves_result(document["root"]):  # (2)
        message = "No step of the pipeline is given result_uri."
        remedy = "Pass result_uri to the step that writes result.json, and compile it again."
        raise PipelineError(message, code="pipeline-result", remedy=remedy)
    if f"comp-{_part(document, 'pipelineInfo').get('name')}" in _part(document, "components"):  # (3)
        message = "The pipeline has the name of one of its components."
        raise PipelineError(message, code="pipeline-name", remedy="Give @dsl.pipeline another name, and compile again.")


def _leaves_result(root: Mapping[str, Any]) -> bool:
    """Whether a task takes result_uri; a graph that is written in another way is given the benefit of the doubt."""
    tasks = _part(_part(root, "dag"), "tasks")
    given = [_part(_part(task, "inputs"), "parameters") for task in tasks.values()]
    return not tasks or any("result_uri" in str(source) for inputs in given for source in inputs.values())


def _part(whole: object, name: str) -> Mapping[str, Any]:
    """A mapping in a mapping; empty where there is none."""
    part = whole.get(name) if isinstance(whole, Mapping) else None
    return part if isinstance(part, Mapping) else {}
