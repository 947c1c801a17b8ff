"""Rules, their firings and signals as the API takes and shows them."""

from typing import Any, Literal, Self

from pydantic import Field, FiniteFloat, NonNegativeInt, model_validator

from handoff.contract.document import Document
from handoff.contract.identifiers import Digest, ProjectName, RandomId
from handoff.rules.rule import RuleName, SignalName, Verdict
from handoff.rules.states import Firing
from handoff.schemas.handoffs import ModelId


class SignalRequest(Document):
    """What somebody outside noticed. Its id makes a repeat harmless."""

    id: RandomId
    project: ProjectName
    kind: Literal["drift", "metric"]
    name: SignalName = Field(description="What watches, for a verdict on drift; else the metric.")
    model: ModelId | None = Field(None, description="Of which model; null for the data alone.")
    verdict: Verdict | None = Field(None, description="Only of kind drift.")
    value: FiniteFloat | None = Field(None, description="Only of kind metric.")

    @model_validator(mode="after")
    def _says_what_its_kind_says(self) -> Self:
        if (self.verdict is None) == (self.kind == "drift") or (self.value is None) == (self.kind == "metric"):
            message = "a signal of kind drift has a verdict and no value, one of kind metric a value and no verdict"
            raise ValueError(message)
        return self


class FiringView(Document):
    """What a rule did about one occasion."""

    id: NonNegativeInt
    occasion: str = Field(description="A study and its version, counted studies, a time, or a signal.")
    state: Firing
    reason: str | None = Field(description="What it waits for, or why nothing was started, as a code.")
    batch: Digest | None
    handoff: RandomId | None = Field(
        description="The handoff that was started last: that of preparing, then the other."
    )
    at: float | None = Field(
        description="When it happened, and then when it was acted on: UTC seconds since 1970; of studies null but for "
        "those who operate."
    )


class RuleView(Document):
    """A rule, when it last fired, and why it does not."""

    project: ProjectName
    rule: RuleName
    says: dict[str, Any] = Field(description="The rule as handoff.yaml has it, defaults filled in.")
    last: FiringView | None = Field(description="The last firing that started something, or whose run had been before.")
    fired_today: NonNegativeInt = Field(description="Firings of the last 24 hours, which at_most_per_day limits.")
    waiting: NonNegativeInt = Field(description="Occasions that are not decided on yet.")
    counted: NonNegativeInt = Field(description="Studies that count towards the number that it waits for.")
    next_at: float | None = Field(description="The next time of a schedule: UTC seconds since 1970.")
    why_not: str | None = Field(description="Why it does not fire now, as a code; null when nothing holds it up.")


class SignalView(Document):
    """A signal that was taken, and the rules that it let fire."""

    id: RandomId
    project: ProjectName
    rules: tuple[RuleName, ...] = Field(
        description="Empty when no rule acts on it; GET /v1/rules says on what they do."
    )
