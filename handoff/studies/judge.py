"""Whether a study is complete, from evidence alone: a PACS' count, else every announced shipment and a quiet time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handoff.contract.evidence import Evidence
from handoff.contract.expected import ExpectedCount
from handoff.settings import ProjectRules


@dataclass(frozen=True, slots=True)
class Complete:
    """The study is complete; `closed_by` is recorded with its version."""

    closed_by: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """The study stays open, for this reason; `until` when time alone can change that (UTC seconds)."""

    reason: str
    until: float | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """The last count of a PACS, and how many instances of the study have arrived here, each once."""

    said: ExpectedCount
    instances: int

    @property
    def accounted(self) -> int:
        """Instances of the count that have an answer, held ones included."""
        return self.instances + self.said.withheld + self.said.held + self.said.elsewhere


def judge(
    evidence: Sequence[Evidence],
    arrived: Mapping[str, int],
    last_arrival: float,
    now: float,
    rules: ProjectRules,
    *,
    count: Count | None = None,
) -> Complete | Waiting:
    """Decide on one study.

    Args:
        evidence: messages about the study, in the order of their arrival.
        arrived: instances by shipment id.
        last_arrival: when the last message or shipment came, UTC seconds.
        now: UTC seconds.
        rules: the project's.
        count: what a PACS counted, if it was asked.

    A PACS' count is the stronger evidence: with it the study is complete at once, and without the rest of it never. A
    count that more has arrived than was counted is out of date, and decides nothing.

    1. Some evidence speaks of it, and of every shipment that arrived.
    2. Every announced shipment arrived, with the announced number of instances.
    3. In each message delivered + withheld + duplicates + variants + held is the total, and nothing is held.
    4. Quiet time passed: the longer one when an abort was not followed by a release.
    """
    if count is not None and count.accounted <= count.said.expected:
        return _by_count(evidence, arrived, count)
    reason = _missing(evidence, arrived)
    if reason is not None:
        return Waiting(reason)
    released = evidence[-1].ending == "released"
    quiet = rules.quiet_seconds if released else rules.abort_quiet_seconds
    if now < last_arrival + quiet:  # (4)
        return Waiting("quiet-time" if released else "aborted", until=last_arrival + quiet)
    return Complete(
        {
            "rule": "released-and-quiet" if released else "aborted-and-quiet",
            "quiet_seconds": quiet,
            "evidence": sorted(message.evidence_id for message in evidence),
            "shipments": len(arrived),
            "delivered": sum(arrived.values()),
            "withheld": sum(shipment.withheld for message in evidence for shipment in message.shipments),
            "duplicates": sum(message.duplicates for message in evidence),
            "variants": sum(message.variants for message in evidence),
        }
    )


def _by_count(evidence: Sequence[Evidence], arrived: Mapping[str, int], count: Count) -> Complete | Waiting:
    if count.accounted < count.said.expected:
        return Waiting("instances-missing")
    if count.said.held:
        return Waiting("held")
    announced = {shipment.id: shipment.delivered for message in evidence for shipment in message.shipments}
    if any(arrived.get(identifier, 0) != delivered for identifier, delivered in announced.items() if delivered):
        return Waiting("shipments-missing")
    return Complete(
        {
            "rule": "expected-count",
            "evidence": sorted([count.said.evidence_id, *(message.evidence_id for message in evidence)]),
            "counted_by": count.said.evidence_id,
            "expected": count.said.expected,
            "shipments": len(arrived),
            "delivered": count.instances,
            "withheld": count.said.withheld,
            "elsewhere": count.said.elsewhere,
        }
    )


def _missing(evidence: Sequence[Evidence], arrived: Mapping[str, int]) -> str | None:
    """What no passing of time will mend: steps 1 to 3 of `judge`."""
    announced = {shipment.id: shipment.delivered for message in evidence for shipment in message.shipments}
    if not evidence or arrived.keys() - announced.keys():  # (1)
        return "no-evidence"
    if {identifier for identifier, count in announced.items() if count} - arrived.keys():  # (2)
        return "shipments-missing"
    wrong = [identifier for identifier, count in arrived.items() if announced[identifier] != count]
    if wrong or any(message.accounted() != message.total for message in evidence):  # (3)
        return "counts-differ"
    return "held" if any(message.held for message in evidence) else None
