"""Whether a study is complete, from evidence alone: what any evidence names is waited for, the strongest closes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handoff.contract.evidence import Evidence
from handoff.settings import ProjectRules
from handoff.studies.accounts import Account, Commitment, Performed


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
class Forgiven:
    """What a person closed the study upon before: it is not asked for again. Ids of evidence and of shipments."""

    evidence: frozenset[str] = frozenset()
    shipments: frozenset[str] = frozenset()


def judge(
    evidence: Sequence[Evidence],
    arrived: Mapping[str, int],
    last_arrival: float,
    now: float,
    rules: ProjectRules,
    *,
    accounts: Sequence[Account] = (),
    forgiven: Forgiven = Forgiven(),
) -> Complete | Waiting:
    """Decide on one study.

    Args:
        evidence: how associations ended, in the order of their arrival.
        arrived: instances by shipment id.
        last_arrival: when the last message or shipment came, UTC seconds.
        now: UTC seconds.
        rules: the project's.
        accounts: the evidence that is stronger than silence, the strongest first.
        forgiven: what a person's word settled.

    1. Nothing that any account names is missing or held.
    2. Every announced shipment arrived.
    3. The strongest account that speaks of all that is here closes the study: a count at once, a list of a modality
       after a short quiet time, for modalities ask series by series.
    4. Without one, some evidence speaks of the study and of every shipment that arrived, with the number announced; in
       each message delivered + withheld + duplicates + variants + held is the total, and nothing is held.
    5. Quiet time passed: the longer one when an abort was not followed by a release.
    """
    asked = [message for message in evidence if message.evidence_id not in forgiven.evidence]
    reason = next((found for account in accounts if (found := account.missing()) is not None), None)  # (1)
    if reason is not None:
        return Waiting(reason)
    closer = next((account for account in accounts if account.covers()), None)
    if closer is None:
        reason = _missing(evidence, asked, arrived, forgiven)  # (2) and (4)
        return Waiting(reason) if reason else _by_silence(evidence, arrived, last_arrival, now, rules)  # (5)
    if _not_arrived(asked, arrived):  # (2)
        return Waiting("shipments-missing")
    if isinstance(closer, Commitment | Performed) and now < last_arrival + rules.commitment_quiet_seconds:  # (3)
        return Waiting("quiet-time", until=last_arrival + rules.commitment_quiet_seconds)
    weighed = {one for account in accounts for one in account.evidence}
    return Complete(
        {
            "rule": closer.rule,
            "evidence": sorted({*weighed, *(message.evidence_id for message in evidence)}),
            "shipments": len(arrived),
            "delivered": sum(arrived.values()),
            **closer.facts(),
        }
    )


def _by_silence(
    evidence: Sequence[Evidence], arrived: Mapping[str, int], last_arrival: float, now: float, rules: ProjectRules
) -> Complete | Waiting:
    released = not evidence or evidence[-1].ending == "released"
    quiet = rules.quiet_seconds if released else rules.abort_quiet_seconds
    if now < last_arrival + quiet:
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


def _announced(evidence: Sequence[Evidence]) -> dict[str, int]:
    return {shipment.id: shipment.delivered for message in evidence for shipment in message.shipments}


def _not_arrived(evidence: Sequence[Evidence], arrived: Mapping[str, int]) -> bool:
    """A shipment that was announced with a number and is not here, or not with that number."""
    return any(arrived.get(one, 0) != delivered for one, delivered in _announced(evidence).items() if delivered)


def _missing(
    evidence: Sequence[Evidence], asked: Sequence[Evidence], arrived: Mapping[str, int], forgiven: Forgiven
) -> str | None:
    """What no passing of time will mend."""
    announced = _announced(evidence)
    if not (evidence or forgiven.shipments) or arrived.keys() - announced.keys() - forgiven.shipments:
        return "no-evidence"
    wanted = _announced(asked)
    if {one for one, count in wanted.items() if count} - arrived.keys():
        return "shipments-missing"
    wrong = [one for one, count in arrived.items() if wanted.get(one, count) != count]
    if wrong or any(message.accounted() != message.total for message in asked):
        return "counts-differ"
    return "held" if any(message.held for message in asked) else None
