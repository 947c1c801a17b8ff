"""What makes a rule one that can never start a run: asked of the settings at each start, of the database at any time.

Nothing of this waits for an occasion: a rule that never matches would be noticed only by the runs that nobody misses.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy.orm import Session

from handoff.contract.result import TRAINING, WITH_MODEL
from handoff.database.tables import ModelVersion
from handoff.errors import PipelineError, StartError
from handoff.pipelines.compiled import fit_parameter
from handoff.pipelines.contract import CONTRACT_INPUTS, MODEL_INPUT
from handoff.pipelines.register import find_pipeline
from handoff.pools import gpus_of_run, members_of
from handoff.rules.rule import FollowUp, Rule, Step
from handoff.rules.signals import model_named
from handoff.schemas.handoffs import HandoffRequest
from handoff.settings import Settings
from handoff.targets import ServedModelTarget, Target, runs_beside


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a rule starts nothing; `message` ends the sentence that begins with its name."""

    project: str
    rule: str
    code: str
    message: str

    def sentence(self) -> str:
        """The whole of it."""
        return f"The rule {self.rule} of the project {self.project} can start no run: {self.message}"


def require_possible(settings: Settings) -> None:
    """Let settings pass.

    Raises:
        StartError: a rule can never start a run, whatever arrives.
    """
    for finding in impossible(settings):
        remedy = "Mend the rule in handoff.yaml; `sluice rules check` looks at all of them."
        raise StartError(finding.sentence(), code=f"rule-{finding.code}", remedy=remedy)


def impossible(settings: Settings) -> Iterator[Finding]:
    """What is wrong with rules whatever the database holds."""
    for project, of_project in settings.projects.items():
        for name, rule in of_project.rules.items():
            for code, message in _wrong(rule, settings, of_project.gpus):
                yield Finding(project, name, code, message)


def lacking(session: Session, settings: Settings, project: str, name: str) -> Finding | None:
    """What a rule still lacks here: a pipeline, one of its parameters, a model."""
    rule = settings.rules_in(project)[name]
    steps: list[Step] = [rule.prepare, *([rule.then] if rule.then else [])]
    for step in steps:
        for code, message in _unfit(session, step, settings, project):
            return Finding(project, name, code, message)
    return None


def _wrong(rule: Rule, settings: Settings, gpus: int | None) -> Iterator[tuple[str, str]]:
    if rule.select == "labelled" and () in {rule.labels.names, rule.labels.sources}:
        yield "labels", "it takes labelled studies and no labels."
    if rule.then and rule.then.kind in TRAINING and rule.test_percent == 100:
        yield "split", "it trains, and its split leaves every patient to the test."
    if rule.then and rule.then.kind == "evaluate" and rule.test_percent == 0:
        yield "split", "it evaluates, and its split leaves no patient to the test."
    yield from _wrong_step(rule.prepare, "prepare", None, settings, gpus)
    if rule.then is not None:
        if (rule.then.kind in WITH_MODEL) != (rule.then.model is not None):
            yield "model", "to retrain, evaluate or infer it must name a model, and to train none."
        yield from _wrong_step(rule.then, rule.then.kind, rule.then.model, settings, gpus)


def _wrong_step(
    step: Step, kind: str, model: str | None, settings: Settings, gpus: int | None
) -> Iterator[tuple[str, str]]:
    members = [settings.targets.get(member) for member in members_of(settings.pools, step.target)]
    for target in members:
        if target is None:
            yield "target", f"there is no target or pool {step.target}."
        elif gpus is not None and gpus_of_run(target) > gpus:
            yield "gpus", f"a run at {step.target} takes more GPUs than the project may have at one time."
        elif isinstance(target, ServedModelTarget):
            yield from _wrong_for_served(step, kind, model, target)
    reserved = sorted({*CONTRACT_INPUTS, MODEL_INPUT} & step.parameters.keys())
    if reserved:
        yield "parameters", f"no rule sets {', '.join(reserved)}."
    try:
        HandoffRequest.model_validate(
            {"kind": "prepare", "batch": "0" * 64, "pipeline": step.pipeline, "parameters": step.parameters}
        )
    except ValidationError:
        yield "parameters", "a parameter has a name that no pipeline has, or a value that is no JSON."


def _wrong_for_served(step: Step, kind: str, model: str | None, target: ServedModelTarget) -> Iterator[tuple[str, str]]:
    if kind != "infer":
        yield "target", f"the target {step.target} serves a model, and does nothing but infer."
    elif model is not None and "@" not in model and model != target.model:
        yield "target", f"the target {step.target} serves {target.model}, and the rule names another model."
    elif step.parameters:
        yield "parameters", f"the target {step.target} serves a model, which takes no parameters."


def _unfit(session: Session, step: Step, settings: Settings, project: str) -> Iterator[tuple[str, str]]:
    target = _first(step, settings)
    pipeline = find_pipeline(session, step.pipeline, beside=target is not None and runs_beside(target))
    if pipeline is None:
        yield "pipeline-unknown", f"no pipeline {step.pipeline} is registered that its target may run."
        return
    uses_model = isinstance(step, FollowUp) and step.kind in WITH_MODEL
    given = {*step.parameters, *CONTRACT_INPUTS, *([MODEL_INPUT] if uses_model else [])}
    unknown = sorted(given - pipeline.inputs.keys())
    missing = sorted({name for name, facts in pipeline.inputs.items() if not facts.get("optional")} - given)
    if unknown:
        yield "parameter-unknown", f"the pipeline {step.pipeline} has no input {', '.join(unknown)}."
    elif missing:
        yield "parameter-missing", f"the pipeline {step.pipeline} needs {', '.join(missing)}."
    else:
        yield from _unfit_types(step, pipeline.inputs)
    if isinstance(step, FollowUp) and step.model is not None:
        named = model_named(session, step.model)
        model = None if named is None else session.get(ModelVersion, named)
        if model is None:
            yield "model-unknown", f"there is no model {step.model}."
        elif not settings.may_use(project, model.name, of=model.project):
            yield "model-of-another-project", f"the model {step.model} is of another project, which does not lend it."


def _unfit_types(step: Step, inputs: dict[str, dict[str, str]]) -> Iterator[tuple[str, str]]:
    for name, value in step.parameters.items():
        try:
            fit_parameter(inputs[name]["type"], value)
        except PipelineError:
            yield "parameter-type", f"the input {name} of the pipeline {step.pipeline} has another type."


def _first(step: Step, settings: Settings) -> Target | None:
    """A target of the step; all members of a pool are equal."""
    return settings.targets.get(members_of(settings.pools, step.target)[0])
