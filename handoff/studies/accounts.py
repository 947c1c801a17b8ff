"""What evidence stronger than silence says should be here, beside what is; the strongest kind first.

Each account answers two questions: what it misses, which keeps the study open, and whether it speaks of all that is
here, which alone lets it close the study.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from handoff.contract.commitment import StorageCommitment
from handoff.contract.expected import ExpectedCount, ExpectedSeries, SeriesCount
from handoff.contract.performed import PerformedStep


class Account(Protocol):
    """One kind of evidence, weighed against what has arrived."""

    @property
    def rule(self) -> str:
        """What is recorded as the rule when a study closes by it."""

    @property
    def evidence(self) -> tuple[str, ...]:
        """Ids of its messages."""

    def missing(self) -> str | None:
        """Why the study stays open by this evidence, as a reason; None when nothing is missing."""

    def covers(self) -> bool:
        """Whether it speaks of everything that is here."""

    def facts(self) -> dict[str, Any]:
        """Its numbers, for the record of what closed the study."""


@dataclass(frozen=True, slots=True)
class Commitment:
    """Storage commitment lists, the newest of each request, and the instances that have arrived."""

    said: Sequence[StorageCommitment]
    arrived: frozenset[str]
    rule: str = "storage-commitment"

    @property
    def evidence(self) -> tuple[str, ...]:
        """Ids of its messages."""
        return tuple(said.evidence_id for said in self.said)

    @property
    def named(self) -> frozenset[str]:
        """Every instance that some list names."""
        return frozenset(uid for said in self.said for uid in said.instances)

    def missing(self) -> str | None:
        """A named instance that is not here, or one that waits for a person."""
        if self.named - self.arrived:
            return "instances-missing"
        return "held" if any(said.held for said in self.said) else None

    def covers(self) -> bool:
        """Whether every instance here is on a list: a request may name but one series of many."""
        return self.arrived <= self.named

    def facts(self) -> dict[str, Any]:
        """Its numbers."""
        return {
            "requests": len(self.said),
            "expected": sum(said.total for said in self.said),
            "withheld": sum(said.withheld for said in self.said),
            "elsewhere": sum(said.elsewhere for said in self.said),
        }


@dataclass(frozen=True, slots=True)
class Performed:
    """What completed procedure steps made, by the newest message of each, and the instances that have arrived."""

    said: Sequence[PerformedStep]
    arrived: frozenset[str]
    rule: str = "performed-step"

    @property
    def evidence(self) -> tuple[str, ...]:
        """Ids of its messages."""
        return tuple(said.evidence_id for said in self.said)

    @property
    def named(self) -> frozenset[str]:
        """Every instance that some step made."""
        return frozenset(uid for said in self.said for uid in said.instances)

    def missing(self) -> str | None:
        """A named instance that is not here, or one that waits for a person."""
        if self.named - self.arrived:
            return "instances-missing"
        return "held" if any(said.held for said in self.said) else None

    def covers(self) -> bool:
        """Whether some step made every instance here: a study may have more steps than have ended."""
        return self.arrived <= self.named

    def facts(self) -> dict[str, Any]:
        """Its numbers."""
        return {
            "steps": len(self.said),
            "expected": sum(said.total for said in self.said),
            "withheld": sum(said.withheld for said in self.said),
            "elsewhere": sum(said.elsewhere for said in self.said),
        }


@dataclass(frozen=True, slots=True)
class NamedSeries:
    """The last message that names series with their numbers, and how many instances of each series are here."""

    said: ExpectedSeries
    arrived: Mapping[str, int]
    rule: str = "expected-series"

    @property
    def evidence(self) -> tuple[str, ...]:
        """Ids of its messages."""
        return (self.said.evidence_id,)

    def missing(self) -> str | None:
        """A named series with fewer instances than it should have, or one that waits for a person."""
        if any(self._accounted(series) < series.expected for series in self.said.series):
            return "series-missing"
        return "held" if any(series.held for series in self.said.series) else None

    def covers(self) -> bool:
        """Whether it names every series that is here, and no more of any has come than it knew of."""
        named = {series.series_instance_uid for series in self.said.series}
        exact = all(self._accounted(series) == series.expected for series in self.said.series)
        return self.said.all_series and self.arrived.keys() <= named and exact

    def facts(self) -> dict[str, Any]:
        """Its numbers."""
        return {
            "counted_by": self.said.counted_by,
            "series": len(self.said.series),
            "expected": sum(series.expected for series in self.said.series),
            "withheld": sum(series.withheld for series in self.said.series),
            "elsewhere": sum(series.elsewhere for series in self.said.series),
        }

    def _accounted(self, series: SeriesCount) -> int:
        here = self.arrived.get(series.series_instance_uid, 0)
        return here + series.withheld + series.held + series.elsewhere


@dataclass(frozen=True, slots=True)
class Count:
    """The last count of a PACS, and how many instances of the study have arrived here, each once."""

    said: ExpectedCount
    instances: int
    rule: str = "expected-count"

    @property
    def evidence(self) -> tuple[str, ...]:
        """Ids of its messages."""
        return (self.said.evidence_id,)

    @property
    def accounted(self) -> int:
        """Instances of the count that have an answer, held ones included."""
        return self.instances + self.said.withheld + self.said.held + self.said.elsewhere

    def missing(self) -> str | None:
        """Fewer here than counted, or one that waits for a person; nothing when the count is out of date."""
        if self.accounted != self.said.expected:
            return "instances-missing" if self.accounted < self.said.expected else None
        return "held" if self.said.held else None

    def covers(self) -> bool:
        """Whether it counted no less than is here: with more here, it is out of date, and decides nothing."""
        return self.accounted == self.said.expected

    def facts(self) -> dict[str, Any]:
        """Its numbers."""
        return {
            "counted_by": self.said.evidence_id,
            "delivered": self.instances,
            "expected": self.said.expected,
            "withheld": self.said.withheld,
            "elsewhere": self.said.elsewhere,
        }
