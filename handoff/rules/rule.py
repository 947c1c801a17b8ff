"""A rule of a project, as handoff.yaml writes it: when something is decided, on which studies, and what then runs."""

import hashlib
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    JsonValue,
    PositiveInt,
    StringConstraints,
    model_validator,
)

from handoff.contract.identifiers import Digest, ProjectName
from handoff.rules.cron import Cron
from handoff.schemas.batches import LabelChoice
from handoff.targets import TargetName

RuleName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
SignalName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$"),
    Field(description="What was measured or watched, as a word."),
]
Verdict = Literal["none", "suspected", "drift"]
ModelReference = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}(:[1-9][0-9]{0,8}|@[a-z0-9][a-z0-9_-]{0,62})$")
]
"""name:version, or name@alias, which is looked up when the rule fires."""
_FROZEN = ConfigDict(frozen=True, extra="forbid")


class EachStudy(BaseModel):
    """Each study that becomes complete, and each new version of one, is a batch of its own."""

    model_config = _FROZEN

    trigger: Literal["study"]


class NewStudies(BaseModel):
    """So many studies became complete, or got a new version, since the rule fired last."""

    model_config = _FROZEN

    trigger: Literal["studies"]
    count: PositiveInt


class Schedule(BaseModel):
    """Times by the clock; of those that were missed the last one is made up for."""

    model_config = _FROZEN

    trigger: Literal["schedule"]
    cron: str = Field(description="Minute, hour, day of month, month, day of week; or @daily and the like.")
    zone: str = Field("UTC", description="Whose clock, as Europe/Berlin.")

    @model_validator(mode="after")
    def _comes(self) -> Self:
        self.times()
        return self

    def times(self) -> Cron:
        """The times that it means."""
        return Cron.parse(self.cron, self.zone)

    @property
    def mark(self) -> str:
        """What the occasions of this very wording begin with: another wording has other times."""
        return f"at:{hashlib.sha256(f'{self.cron} {self.zone}'.encode()).hexdigest()[:8]}:"


class DriftVerdict(BaseModel):
    """Somebody outside says that data or predictions drift."""

    model_config = _FROZEN

    trigger: Literal["drift"]
    name: SignalName | None = Field(None, description="Whose verdict; None means anybody's.")
    verdicts: frozenset[Verdict] = Field(frozenset({"drift"}), min_length=1, description="Which verdicts count.")
    model: ModelReference | None = Field(None, description="Of which model; None means any.")


class MetricBound(BaseModel):
    """A metric in production has left its bounds."""

    model_config = _FROZEN

    trigger: Literal["metric"]
    name: SignalName
    below: FiniteFloat | None = None
    above: FiniteFloat | None = None
    model: ModelReference | None = Field(None, description="Of which model; None means any.")

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.below is None) == (self.above is None):
            message = "a metric has one bound: below or above"
            raise ValueError(message)
        return self

    def beyond(self, value: float) -> bool:
        """Whether a value is out of bounds."""
        return (self.below is not None and value < self.below) or (self.above is not None and value > self.above)


Trigger = Annotated[
    EachStudy | NewStudies | Schedule | DriftVerdict | MetricBound,
    Field(discriminator="trigger"),
]


class Step(BaseModel):
    """A pipeline and where it runs."""

    model_config = _FROZEN

    pipeline: ProjectName | Digest = Field(description="A name, meaning its newest version, or a version.")
    target: TargetName = Field("local", description="A target or a pool.")
    parameters: dict[str, JsonValue] = Field(default_factory=dict)


class FollowUp(Step):
    """What runs on a batch once it is prepared."""

    kind: Literal["train", "retrain", "evaluate", "infer"]
    model: ModelReference | None = Field(None, description="For the kinds retrain, evaluate and infer.")


class Rule(BaseModel):
    """What forms a batch, of which studies, and what is started on it."""

    model_config = _FROZEN

    when: Trigger
    select: Literal["annotated", "unannotated", "labelled", "all"] = Field(
        "all", description="Which studies count and are taken: by drawn annotations, by imported labels, or all."
    )
    labels: LabelChoice = Field(LabelChoice(), description="Which imported labels of these studies come along.")
    test_percent: int = Field(25, ge=0, le=100, description="Share of the patients that test, by pseudonym.")
    spec_digest: Digest | None = Field(None, description="The preparing spec that the batch is meant for.")
    key_epoch: str | None = Field(
        None,
        min_length=1,
        max_length=80,
        description="Only studies under pseudonyms of this epoch of the project's keys.",
    )
    prepare: Step
    then: FollowUp | None = Field(None, description="Left out, the batch is prepared and nothing else.")
    at_most_per_day: PositiveInt | None = Field(
        None, description="Firings in 24 hours. Studies beyond it wait; times and signals beyond it are skipped."
    )
