"""What would happen to each attribute of a file and why; no values."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydicom.datadict import keyword_for_tag

from processors.deid import structured
from processors.deid.action import Action
from processors.deid.actions import legal
from processors.deid.burned_in.cleaner import pixel_cleaner
from processors.deid.engine import SOP_CLASS, Engine, Instance, Withheld
from processors.deid.iod_types import TOP
from processors.deid.keys import ProjectKeys
from processors.deid.options import GRAPHICS, SAFE_PRIVATE, STRUCTURED_CONTENT
from processors.deid.parse import Element
from processors.deid.plan import Plan, Plans, Rule
from processors.deid.profile import Profile
from processors.deid.reasons import REASONS, Reason, RejectedError
from processors.deid.remedies import REMEDIES
from processors.deid.safe_private import safe
from processors.deid.table_e1_1 import removed_by_pattern

WORDS: dict[Action, str] = {
    Action.KEEP: "keep",
    Action.REMOVE: "remove",
    Action.EMPTY: "empty",
    Action.DUMMY: "dummy",
    Action.RECURSE: "clean items",
    Action.MAP_UID: "replace UID",
    Action.SHIFT: "shift date",
    Action.PATIENT_ID: "pseudonym",
    Action.PATIENT_NAME: "pseudonym",
    Action.CODE: "check code",
    Action.VOCABULARY: "check words",
    Action.TERMS: "replace unknown terms",
    Action.PIXELS: "keep pixels",
    Action.RETAIN: "keep",
    Action.RETAIN_UID: "keep",
    Action.AGE: "cap age",
    Action.DESCRIBE: "keep known words",
}
"""Each action in a word or two."""

_FREE = f"content item of text, a name or the patient, {STRUCTURED_CONTENT.code} {STRUCTURED_CONTENT.meaning}"
_SAFE = f"on the list of safe private attributes, {SAFE_PRIVATE.code} {SAFE_PRIVATE.meaning}"


@dataclass(frozen=True, slots=True)
class Decision:
    """One attribute: where it is (`path` of keywords), what happens, and why."""

    path: str
    tag: str
    vr: str
    action: str
    why: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would become of a file: the reason if it is withheld, and each decision if its kind passes."""

    reason: str | None
    sentence: str
    decisions: tuple[Decision, ...]


def explain(part10: bytes, profile: Profile) -> Explanation:
    """Explain one file by a profile; needs no key, since pseudonyms decide nothing."""
    if profile.identified:
        return Explanation(None, "Nothing is changed: the profile is for archives.", tuple(_unchanged(part10)))
    zero = bytes(32)
    keys = ProjectKeys("explain", "0", zero, zero, zero, zero)
    result = Engine(profile, keys, pixel_cleaner(profile)).treat(part10)
    reason = result.reason if isinstance(result, Withheld) else None
    sentence = f"{REASONS[Reason(reason)]} {REMEDIES[Reason(reason)]}" if reason else "It passes."
    return Explanation(reason, sentence, tuple(_decisions(part10, profile)))


def _decisions(part10: bytes, profile: Profile) -> list[Decision]:
    """Decisions, where the file can be read and its SOP class passes."""
    try:
        instance = Instance(part10)
    except RejectedError:
        return []
    sop_class = instance.uid(SOP_CLASS).decode("latin-1")
    if sop_class not in profile.classes:
        return []
    plans = Plans(profile, sop_class)
    return list(dict.fromkeys(_each(instance.elements, instance, plans, TOP, "")))


def _each(elements: list[Element], instance: Instance, plans: Plans, parent: int, path: str) -> Iterator[Decision]:
    plan, buffer = plans.of(parent), instance.part.buffer
    private = safe(elements, buffer, big=instance.part.form.big) if plans.safe_private else frozenset()
    for element in elements:
        here = f"{path}{_name(element.tag)}"
        taken, why = (Action.KEEP, _SAFE) if element.tag in private else _decided(element, buffer, plan)
        tag = f"({element.tag >> 16:04X},{element.tag & 0xFFFF:04X})"
        yield Decision(here, tag, element.vr.decode(), WORDS[taken], why)
        if taken is Action.RECURSE:
            for item in element.items or []:
                if _goes_whole(element.tag, item, buffer, plans):
                    yield Decision(f"{here}/", "(FFFE,E000)", "", WORDS[Action.REMOVE], _FREE)
                else:
                    yield from _each(item, instance, plans, element.tag, f"{here}/")


def _goes_whole(tag: int, item: list[Element], buffer: memoryview, plans: Plans) -> bool:
    """Whether an item is one that cleaning of structured content removes."""
    cleaned = plans.structured_content and tag in structured.SEQUENCES
    return cleaned and not structured.stays(item, buffer, characteristics=plans.characteristics)


def _decided(element: Element, buffer: memoryview, plan: Plan) -> tuple[Action, str]:
    """What happens to one attribute by its rule, and why."""
    rule = plan[element.tag]
    action = rule.action if element.vr in rule.vrs else plan.wrong_vr(rule)
    value = buffer[element.value : element.end]
    lawful = action is not Action.KEEP or legal(element.tag, element.vr, value, rule.length)
    taken = action if lawful else rule.deny
    return taken, _why(element.tag, rule) if taken is rule.action else f"not a legal {rule.vr.decode()} value"


def _unchanged(part10: bytes) -> list[Decision]:
    """Every attribute, kept."""
    try:
        instance = Instance(part10)
    except RejectedError:
        return []
    return list(dict.fromkeys(_kept(instance.elements, "")))


def _kept(elements: list[Element], path: str) -> Iterator[Decision]:
    for element in elements:
        here = f"{path}{_name(element.tag)}"
        tag = f"({element.tag >> 16:04X},{element.tag & 0xFFFF:04X})"
        yield Decision(here, tag, element.vr.decode(), WORDS[Action.KEEP], "identified: nothing is changed")
        for item in element.items or []:
            yield from _kept(item, f"{here}/")


def _name(tag: int) -> str:
    return keyword_for_tag(tag) or ("Private" if tag >> 16 & 1 else "Unknown")


def _why(tag: int, rule: Rule) -> str:
    """The source of a decision: table, option, or one of the tiers of default deny."""
    kind = f", Type {rule.kind} here" if rule.kind else ", not in this IOD here"
    if removed_by_pattern(tag):
        return "E.1-1 X by pattern: private, curve or overlay"
    if rule.option is GRAPHICS:
        return f"drawn, {GRAPHICS.code} {GRAPHICS.meaning}{kind}"
    if rule.code != "unlisted":
        option = f", {rule.option.code} {rule.option.meaning}" if rule.option else ""
        return f"E.1-1 {rule.code}{option}{kind}"
    reason = {
        Action.KEEP: "technical",
        Action.RECURSE: "sequence of the IOD",
        Action.MAP_UID: "UID, unless registered in PS3.6",
        Action.SHIFT: "date",
        Action.CODE: "public code gets the dictionary's meaning",
        Action.VOCABULARY: "passes if all its words are known",
        Action.PIXELS: "pixels of a kind that passes",
    }.get(rule.action, "denied by default")
    return f"unlisted: {reason}{kind}"


def explain_file(file: Path, profile: Profile) -> Explanation:
    """Explain one file.

    Raises:
        OSError: it cannot be read.
    """
    return explain(file.read_bytes(), profile)
