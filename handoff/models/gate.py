"""The gate before an alias: thresholds as data, and what of them a model version reaches."""

import math
from collections.abc import Iterator, Mapping
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, NonNegativeFloat, model_validator

from handoff.contract.document import Document

Shortfall = Literal["metric-missing", "too-low", "too-high", "worse-than-before", "data-withdrawn"]


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


class Gate(BaseModel):
    """What a project asks of a model version before an alias may stand for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metrics: dict[str, Threshold] = Field(default_factory=dict, description="Thresholds by the metric's name.")
    second_person: bool = Field(False, description="Whether somebody else than who asks has to approve.")


class Finding(Document):
    """What the gate found of one demand."""

    metric: str | None = Field(description="None for a demand that is not about a metric.")
    value: float | None
    before: float | None = Field(description="The same of the version that the alias stood for.")
    demand: str = Field(description="In words, as `at least 0.8`.")
    shortfall: Shortfall | None = Field(description="Why it was not reached; null when it was.")


def judge(
    gate: Gate, metrics: Mapping[str, float], before: Mapping[str, float] | None, *, withdrawn: bool
) -> tuple[Finding, ...]:
    """Everything that the gate demands, reached or not; nobody is told one reason at a time."""
    return tuple(_findings(gate, metrics, before or {}, withdrawn=withdrawn))


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


def _finite(value: float | None) -> float | None:
    """A metric that is no number was not measured."""
    return value if value is not None and math.isfinite(value) else None


def _words(threshold: Threshold) -> str:
    words = f"at least {threshold.at_least}" if threshold.at_least is not None else f"at most {threshold.at_most}"
    return words if threshold.worse_by is None else f"{words}, and worse than before by {threshold.worse_by} at most"
