"""Facts and rules to shipments. The answer explains itself by rule names, never by values."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from processors.routing.facts import Facts
from processors.routing.rules import Condition, Rules, Target


@dataclass(frozen=True, slots=True)
class Decision:
    """Where a delivery goes. Without targets, `reason` says why: `unmatched`, or `mixed`."""

    targets: tuple[Target, ...]
    rules: tuple[str, ...]
    reason: str = ""


def decide(rules: Rules, delivery: Iterable[Facts]) -> Decision:
    """Ask the rules about every instance of a delivery.

    A delivery cannot be split, so instances that the rules would send to different places wait for a person (`mixed`).
    """
    answers = {_answer(rules, facts) for facts in set(delivery)}
    if len(answers) != 1:
        return Decision((), tuple(sorted({name for answer in answers for name in answer.rules})), "mixed")
    return answers.pop()


def _answer(rules: Rules, facts: Facts) -> Decision:
    """Rules in order; the first that holds decides, unless it says `continue`."""
    matched: list[str] = []
    targets: dict[Target, None] = {}
    for rule in rules.rules:
        if not holds(rule.when, facts):
            continue
        matched.append(rule.name)
        targets.update(dict.fromkeys(rule.ship))
        if not rule.goes_on:
            break
    return Decision(tuple(targets), tuple(matched), "" if targets else "unmatched")


def holds(condition: Condition, facts: Facts) -> bool:
    """Whether every given key of the condition holds for the facts."""
    return (
        _is_one_of(facts.called_ae, condition.called_ae)
        and _is_one_of(facts.calling_ae, condition.calling_ae)
        and _is_one_of(facts.modality, condition.modality)
        and _is_one_of(facts.sop_class, condition.sop_class)
        and _is_one_of(facts.station.casefold(), _folded(condition.station))
        and _has_word(facts.study_description, condition.study_words)
        and _has_word(facts.series_description, condition.series_words)
        and _is_one_of(facts.peer, condition.peer)
        and _is_one_of(facts.project_hint, condition.project_hint)
    )


def _is_one_of(value: str, wanted: tuple[str, ...] | None) -> bool:
    return wanted is None or value in wanted


def _folded(wanted: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if wanted is None else tuple(word.casefold() for word in wanted)


def _has_word(text: str, wanted: tuple[str, ...] | None) -> bool:
    if wanted is None:
        return True
    words = set(re.findall(r"\w+", text.casefold()))
    return any(set(re.findall(r"\w+", phrase.casefold())) <= words for phrase in wanted)
