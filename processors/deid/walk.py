"""The walk: located elements and their rules to cleaned bytes; pixel data is never copied, only passed on."""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from processors.deid import codes, codestream, structured
from processors.deid.action import Action
from processors.deid.actions import DUMMIES, Vocabulary, legal, retainable
from processors.deid.ages import capped
from processors.deid.charsets import decoded
from processors.deid.dates import shifted
from processors.deid.encode import Encoder
from processors.deid.iod_types import OFFSET_TABLES, TOP
from processors.deid.parse import UNDEFINED, Element, Form
from processors.deid.plan import SPECIFIC_CHARACTER_SET, Plan, Plans, Rule
from processors.deid.pseudonyms import UidMap
from processors.deid.safe_private import safe
from processors.deid.terms import Terms
from processors.deid.unused_bits import Samples

REFERENCED_SOP_INSTANCE_UID = 0x00081155
_PADDING = b" \0"
CLEARED_BITS = "clear-unused-bits"
_COUNTED = {action: action.name.lower().replace("_", "-") for action in Action}


@dataclass(frozen=True, slots=True)
class Patient:
    """What the identities of one patient become."""

    pseudonym: bytes
    days: int


@dataclass(slots=True)
class Walk:
    """One walk over one instance.

    `segments` are cleaned bytes, and between them views of bulk values passed on. `fragments`: what they hold if pixel
    data is encapsulated; comments in it are blanked. `samples`: how native ones lie if some of their bits are unused;
    what those say is cleared. `names`: words of this instance's people, in upper case, which no
    description keeps. `met` counts elements at every depth, `acted` what became of those that were not kept.
    """

    buffer: memoryview
    form: Form
    fragments: codestream.Fragments | None
    samples: Samples | None
    encoder: Encoder
    plans: Plans
    uids: UidMap
    coding: codes.Coding
    vocabulary: Vocabulary
    terms: Terms
    patient: Patient
    patient_ids: dict[bytes, bytes]
    charset: bytes = b""
    names: frozenset[str] = frozenset()
    out: bytearray = field(default_factory=bytearray)
    segments: list[bytes | memoryview] = field(default_factory=list)
    references: set[bytes] = field(default_factory=set)
    met: int = 0
    acted: dict[str, int] = field(default_factory=dict)
    _code: dict[int, bytes] = field(default_factory=dict)

    def run(self, elements: list[Element], marks: list[tuple[int, bytes]]) -> None:
        """Clean the top level, with the encoded `marks` (tag, element) put where their tags belong."""
        plan = self.plans.of(TOP)
        done = 0
        for tag, mark in marks:
            here = bisect_left(elements, tag, lo=done, key=lambda element: element.tag)
            self._clean(elements[done:here], plan)
            self.out += mark
            done = here
        self._clean(elements[done:], plan)
        self._cut()

    def piece(self, elements: list[Element]) -> bytes:
        """Some neighbours of the top level, cleaned by themselves; no pixel data is among them."""
        self._clean(elements, self.plans.of(TOP))
        cleaned = bytes(self.out)
        self.out.clear()
        return cleaned

    def _cut(self) -> None:
        """End the run of cleaned bytes."""
        self.segments.append(bytes(self.out))
        self.out.clear()

    def _clean(self, elements: list[Element], plan: Plan) -> None:
        """Clean elements of one place; kept neighbours are copied as one run, `begin` to `stop`."""
        buffer, out, keep, remove = self.buffer, self.out, Action.KEEP, Action.REMOVE
        begin = stop = removed = 0
        self.met += len(elements)
        private = safe(elements, buffer, big=self.form.big) if self.plans.safe_private else frozenset()
        for element in elements:
            tag, vr, start, value, end, _ = element
            rule = plan[tag]
            action = rule.action if vr in rule.vrs else plan.wrong_vr(rule)
            if action is keep:
                lawful = not (end - value) & 1 and legal(tag, vr, buffer[value:end], rule.length)
                if lawful and (vr not in (b"CS", b"OV") or self._known(element)):
                    if start != stop:
                        out += buffer[begin:stop]
                        begin = start
                    stop = end
                    continue
                action = Action.TERMS if lawful and vr == b"CS" else rule.deny
            if action is remove:
                if tag in private:
                    if start != stop:
                        out += buffer[begin:stop]
                        begin = start
                    stop = end
                else:
                    removed += 1
                continue
            out += buffer[begin:stop]
            begin = stop = end
            self._act(action, element, rule)
        out += buffer[begin:stop]
        self._count("remove", removed)

    def _count(self, what: str, times: int = 1) -> None:
        """Remember what became of elements that were not kept."""
        self.acted[what] = self.acted.get(what, 0) + times

    @property
    def actions(self) -> dict[str, int]:
        """How many elements were kept, removed and so on, at every depth; what went with its sequence counts as one."""
        counted = {"keep": self.met - sum(self.acted.values()), **self.acted}
        return {what: times for what, times in sorted(counted.items()) if times}

    def _known(self, element: Element) -> bool:
        """Whether a coded string consists of known terms; whether offset tables say what fragments do."""
        if element.vr == b"CS":
            raw = bytes(self.buffer[element.value : element.end])
            return element.tag == SPECIFIC_CHARACTER_SET or self.terms.cleaned(raw) is raw
        return element.tag in OFFSET_TABLES and self.fragments is not None and self.fragments.tables

    def _act(self, action: Action, element: Element, rule: Rule) -> None:
        """Write what an element becomes when it is neither kept nor removed."""
        if action is Action.RECURSE:
            self._count("clean-items")
            self._recurse(element, rule.kind)
        elif action is Action.PIXELS:
            self._pixels(element)
        else:
            replaced = self._replaced(action, element)
            done = _COUNTED[action]
            if replaced is None:
                replaced = self._denied(element, rule)
                done = "remove" if replaced is None else _COUNTED[rule.deny]
            self._count(done)
            if replaced is not None:
                self.out += self.encoder.element(element.tag, rule.vr, replaced)

    def _replaced(self, action: Action, element: Element) -> bytes | None:
        """The new value; None when the old one is not what the action needs, so that the rule's denial applies."""
        value = bytes(self.buffer[element.value : element.end])
        match action:
            case Action.EMPTY:
                replaced: bytes | None = b""
            case Action.PATIENT_NAME:
                replaced = self.patient.pseudonym
            case Action.PATIENT_ID:
                replaced = self.patient_ids.get(value.strip(_PADDING))
            case Action.CODE:
                replaced = self._code.get(element.tag)
            case Action.MAP_UID:
                replaced = self._mapped(element.tag, value, self.uids)
            case Action.SHIFT:
                replaced = shifted(element.vr, value, self.patient.days)
            case Action.VOCABULARY:
                replaced = value.rstrip(_PADDING) if self.vocabulary.admits(value) else None
            case Action.TERMS:
                replaced = self.terms.cleaned(value)
            case _:
                replaced = self._chosen(action, element, value)
        return replaced

    def _chosen(self, action: Action, element: Element, value: bytes) -> bytes | None:
        """The new value by an option of the profile; None as for `_replaced`."""
        match action:
            case Action.RETAIN:
                return value.rstrip(_PADDING) if retainable(element.vr, value) else None
            case Action.RETAIN_UID:
                return self._mapped(element.tag, value, self.uids.retained)
            case Action.AGE:
                return capped(value)
            case Action.DESCRIBE:
                return self.vocabulary.described(decoded(value, self.charset), self.names)
            case _:
                return None

    def _denied(self, element: Element, rule: Rule) -> bytes | None:
        """The value that a denied element is left with; None when it goes."""
        if element.tag in codes.TAGS or rule.deny is Action.REMOVE:
            return None
        if rule.deny is Action.EMPTY:
            return b""
        if rule.vr == b"UI":
            return self._mapped(element.tag, bytes(self.buffer[element.value : element.end]), self.uids)
        return DUMMIES.get(rule.vr)

    def _mapped(self, tag: int, value: bytes, become: Callable[[bytes], bytes]) -> bytes:
        """Every UID of a value as what it becomes."""
        uids = [become(uid.strip(_PADDING)) for uid in value.split(b"\\")]
        if tag == REFERENCED_SOP_INSTANCE_UID:
            self.references.update(uids)
        return b"\\".join(uids)

    def _recurse(self, element: Element, kind: str) -> None:
        """A sequence again, with undefined lengths, each item cleaned by the plan of this sequence.

        One that has lost all its items goes, unless its Type (`kind`) lets it be empty (PS3.5 7.4).
        """
        encoder, plan = self.encoder, self.plans.of(element.tag)
        items = element.items or []
        if self.plans.structured_content and element.tag in structured.SEQUENCES:
            characteristics = self.plans.characteristics
            items = [each for each in items if structured.stays(each, self.buffer, characteristics=characteristics)]
            if element.items and not items and not kind.startswith("2"):
                return
        self.out += encoder.header(element.tag, b"SQ", UNDEFINED)
        for item in items:
            self.out += encoder.item
            outer, self._code = self._code, self._coded(item, plan)
            self._clean(item, plan)
            self._code = outer
            self.out += encoder.item_end
        self.out += encoder.sequence_end

    def _coded(self, item: list[Element], plan: Plan) -> dict[int, bytes]:
        """What the code of an item becomes, by tag; of codes that an option retains, their meaning alone."""
        if not (plan.coded or plan.codes_kept):
            return {}
        buffer = self.buffer
        present = {each.tag: bytes(buffer[each.value : each.end]) for each in item if each.tag in codes.TAGS}
        if not present:
            return {}
        return self.coding.cleaned(present) if plan.coded else self.coding.retained(present)

    def _pixels(self, element: Element) -> None:
        """Pixel data passed on as it is; fragments with their items and delimiter."""
        tag, vr, start, value, end, _ = element
        odd = not self.fragments and (end - value) & 1
        self.out += self.encoder.header(tag, vr, end - value + 1) if odd else self.buffer[start:value]
        self._cut()
        self.segments.extend(self.passed_on(self.buffer[value:end]))
        if odd:
            self.out += b"\0"

    def passed_on(self, pixels: memoryview) -> Iterable[memoryview]:
        """The value of pixel data in runs: comments in fragments blanked, unused bits of native samples cleared.

        Raises:
            RejectedError: the fragments are not what was said of them.
        """
        if self.fragments:
            return codestream.segments(pixels, 0, len(pixels), self.fragments)
        cleared = self.samples.cleared(pixels) if self.samples else pixels
        if cleared is not pixels:
            self._count(CLEARED_BITS)
        return (cleared,)
