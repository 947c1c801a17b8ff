"""The gate before an alias: thresholds as data, and what of them a model version reaches."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, NonNegativeFloat, model_validator

from handoff.contract.document import Document
from handoff.contract.identifiers import Digest, RandomId

Shortfall = Literal[
    "metric-missing",
    "too-low",
    "too-high",
    "worse-than-before",
    "data-withdrawn",
    "not-evaluated",
    "before-not-evaluated",
]


class Threshold(BaseModel):
    """What one metric must reach."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at_least: FiniteFloat | None = Field(None, description="The lowest value that passes; higher is better.")
    at_most: FiniteFloat | None = Field(None, description="The highest value that passes; lower is better.")
    worse_by: NonNegativeFloat | None = Field(
        None, description="How much worse it may be than that of the version that the alias stands for; None: any."
    )

    @model_validator(mode="after")
    def _has_a_direction(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            message = "a threshold says either at_least or at_most"
            raise ValueError(message)
        return self

    def shortfall(self, value: float | None, before: float | None) -> Shortfall | None:
        """Why a value does not pass, beside the one of the version before; None when it does."""
        if value is None:
            return "metric-missing"
        if self.at_least is not None and value < self.at_least:
            return "too-low"
        if self.at_most is not None and value > self.at_most:
            return "too-high"
        if self.worse_by is not None and before is not None:
            worse = before - value if self.at_least is not None else value - before
            return "worse-than-before" if worse > self.worse_by else None
        return None


class EvaluationGate(BaseModel):
    """What an evaluation of the registered version must reach, beside one of the version before on the same batch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch: Digest | None = Field(None, description="Only evaluations on this batch count; None: the newest counts.")
    metrics: dict[str, Threshold] = Field(min_length=1, description="Thresholds by the metric's name.")


class Gate(BaseModel):
    """What a project asks of a model version before an alias may stand for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metrics: dict[str, Threshold] = Field(
        default_factory=dict, description="Thresholds by the metric's name, of what the training measured."
    )
    evaluation: EvaluationGate | None = Field(None, description="What an evaluation must reach; None: none is needed.")
    second_person: bool = Field(False, description="Whether somebody else than who asks has to approve.")


class Finding(Document):
    """What the gate found of one demand."""

    metric: str | None = Field(description="None for a demand that is not about a metric.")
    value: float | None
    before: float | None = Field(description="The same of the version that the alias stood for.")
    demand: str = Field(description="In words, as `at least 0.8`.")
    shortfall: Shortfall | None = Field(description="Why it was not reached; null when it was.")
    evaluation: RandomId | None = Field(
        None, description="The handoff that measured it; null where it is a figure of the training, or none."
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """An evaluation of a version.

    Attributes:
        handoff: That measured it.
        metrics: Its figures.
        before: Those of the version that the alias stands for, by the same measure.
        first: Whether the alias stands for none, so that there is nothing to compare with.
    """

    handoff: str
    metrics: Mapping[str, float]
    before: Mapping[str, float] | None
    first: bool


def judge(
    gate: Gate,
    metrics: Mapping[str, float],
    before: Mapping[str, float] | None,
    *,
    withdrawn: bool,
    judged: Judged | None = None,
) -> tuple[Finding, ...]:
    """Everything that the gate demands, reached or not; nobody is told one reason at a time."""
    trained = _findings(gate, metrics, before or {}, withdrawn=withdrawn)
    return (*trained, *(_of_evaluation(gate.evaluation, judged) if gate.evaluation else ()))


def passed(findings: tuple[Finding, ...]) -> bool:
    """Whether every demand was reached."""
    return all(finding.shortfall is None for finding in findings)


def _findings(
    gate: Gate, metrics: Mapping[str, float], before: Mapping[str, float], *, withdrawn: bool
) -> Iterator[Finding]:
    yield Finding(
        metric=None,
        value=None,
        before=None,
        demand="nothing that it was trained on was withdrawn",
        shortfall="data-withdrawn" if withdrawn else None,
    )
    for metric, threshold in sorted(gate.metrics.items()):
        value, was = _finite(metrics.get(metric)), _finite(before.get(metric))
        yield Finding(
            metric=metric,
            value=value,
            before=was,
            demand=_words(threshold),
            shortfall=threshold.shortfall(value, was),
        )


def _of_evaluation(demanded: EvaluationGate, judged: Judged | None) -> Iterator[Finding]:
    for metric, threshold in sorted(demanded.metrics.items()):
        value = _finite(judged.metrics.get(metric)) if judged else None
        was = _finite(judged.before.get(metric)) if judged and judged.before else None
        if judged is None:
            shortfall: Shortfall | None = "not-evaluated"
        elif threshold.worse_by is not None and not judged.first and was is None:
            shortfall = "before-not-evaluated"
        else:
            shortfall = threshold.shortfall(value, was)
        yield Finding(
            metric=metric,
            value=value,
            before=was,
            demand=f"evaluated: {_words(threshold)}",
            shortfall=shortfall,
            evaluation=judged.handoff if judged else None,
        )


def _finite(value: float | None) -> float | None:
    """A metric that is no number was not measured."""
    return value if value is not None and math.isfinite(value) else None


def _words(threshold: Threshold) -> str:
    words = f"at least {threshold.at_least}" if threshold.at_least is not None else f"at most {threshold.at_most}"
    return words if threshold.worse_by is None else f"{words}, and worse than before by {threshold.worse_by} at most"
