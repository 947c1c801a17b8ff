"""Profile, Table E.1-1 and the IOD's Types, compiled to one rule for each attribute in each place."""

from functools import lru_cache
from typing import NamedTuple

from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import tag_for_keyword

from processors.deid import codes
from processors.deid.action import Action
from processors.deid.choices import choice, retained
from processors.deid.drawings import DRAWN, draws
from processors.deid.iod_types import OFFSET_TABLES, PIXELS, TOP, types_of
from processors.deid.options import DATES, GRAPHICS, UIDS, Option
from processors.deid.parse import DICTIONARY_VR
from processors.deid.profile import Profile
from processors.deid.table_e1_1 import Row, removed_by_pattern, table


class Rule(NamedTuple):
    """The decision on one attribute in one place."""

    vr: bytes
    vrs: frozenset[bytes]
    action: Action
    deny: Action
    length: int
    code: str
    kind: str
    option: Option | None = None
    """`deny`: instead of `action` when VR or value are not what PS3.6 says; `length`: bytes of a binary value of fixed
    multiplicity, else 0; `code`: of Table E.1-1, or why there is none; `kind`: the Type here, or nothing;
    `option`: the one that decides against the basic profile."""


SPECIFIC_CHARACTER_SET, PATIENT_NAME, PATIENT_ID = 0x00080005, 0x00100010, 0x00100020
MARKS = (0x00120062, 0x00120063, 0x00120064, 0x00280303)
BURNED_IN_ANNOTATION, RECOGNIZABLE_VISUAL_FEATURES = CLAIMS = (0x00280301, 0x00280302)
"""The sender's word on text and faces, for which nobody here vouches: it stays where the IOD requires it, as its one
legal value. Of pixels that were cleaned, Burned In Annotation is our own word; of heads whose faces were removed,
Recognizable Visual Features is, written with the marks."""

_FIXED = {b"US": 2, b"SS": 2, b"UL": 4, b"SL": 4, b"FL": 4, b"FD": 8, b"AT": 4, b"UV": 8, b"SV": 8}
_ANYWHERE: dict[bytes, Action] = {
    **dict.fromkeys((*_FIXED, b"DS", b"IS"), Action.KEEP),
    **dict.fromkeys((b"DA", b"DT"), Action.SHIFT),
    b"UI": Action.MAP_UID,
}
"""What becomes of an unlisted attribute by its VR alone, in the IOD or not: numbers, dates and UIDs."""

_NO_PLACE_FOR_DATA_SETS = (0x0000, 0x0002, 0x0004, 0x0006, 0xFFFA, 0xFFFC)
_VR_BLIND = (
    Action.REMOVE,
    Action.EMPTY,
    Action.DUMMY,
    Action.MAP_UID,
    Action.RETAIN_UID,
    Action.PATIENT_ID,
    Action.PATIENT_NAME,
)


def by_code(code: str, kind: str, vr: bytes) -> Action:
    """The action of Table E.1-1 where the Type decides between its letters (PS3.15 E.1, table's legend).

    Type 1 takes a dummy and Type 2 an empty value whatever the letters say, so that the object stays valid.
    """
    required = kind in ("1", "1C") if "/" in code or code == "Z" else kind == "1"
    present = kind in ("2", "2C") if "/" in code else kind == "2"
    if code == "U":
        return Action.MAP_UID
    if code == "X/Z/U*" or (vr == b"SQ" and (code == "D" or required)):
        return Action.RECURSE
    if code == "D" or required:
        return Action.DUMMY
    if present or code in ("Z", "Z/D"):
        return Action.EMPTY
    return Action.REMOVE


@lru_cache(maxsize=8192)
def _dictionary(tag: int) -> tuple[bytes, frozenset[bytes], int]:
    """PS3.6's VR, every VR it allows, and the length of a binary value of fixed multiplicity (0: any)."""
    if tag not in DicomDictionary:
        return b"UN", frozenset(), 0
    vr_text, multiplicity = DicomDictionary[tag][:2]
    vrs = frozenset(part.strip().encode() for part in vr_text.split(" or "))
    vr = DICTIONARY_VR[tag]
    size = _FIXED.get(vr, 0) if len({_FIXED.get(each, 0) for each in vrs}) == 1 else 0
    return vr, vrs, size * int(multiplicity) if multiplicity.isdigit() else 0


class Plan(dict[int, Rule]):
    """Tag to rule in one place (top level, or the items of one sequence), decided when first met."""

    def __init__(self, profile: Profile, sop_class: str, parent: int, *, looked_at: bool = False) -> None:
        super().__init__()
        self._looked_at = looked_at
        self._lists = _lists(profile)
        self._profile = profile
        self._dated = profile.dates != "removed"
        self.codes_kept = parent in retained(profile.options)
        self._types = types_of(sop_class).get(parent, {})
        self._top = parent == TOP
        self._drawn = DRAWN if profile.clean.graphics and draws(sop_class) else frozenset()
        self.coded = codes.CODE_VALUE in self._types and not self.codes_kept

    def __missing__(self, tag: int) -> Rule:
        """Decide, and remember."""
        vr, vrs, length = _dictionary(tag)
        kind = self._types.get(tag, "")
        row = table().get(tag)
        code = row.code if row else "unlisted"
        deny = by_code(row.code if row else "X/Z/D", kind, vr)
        if tag == SPECIFIC_CHARACTER_SET or tag in OFFSET_TABLES:
            deny = Action.REMOVE
        action, option = self._action(tag, vr, row, deny)
        self[tag] = rule = Rule(vr, vrs, action, deny, length, code, kind, option)
        return rule

    def wrong_vr(self, rule: Rule) -> Action:
        """The action when the file gives the attribute another VR than PS3.6."""
        return rule.action if rule.action in _VR_BLIND else rule.deny

    def _action(self, tag: int, vr: bytes, row: Row | None, deny: Action) -> tuple[Action, Option | None]:
        """The action, and the option that asks for it."""
        if not tag & 0xFFFF or tag >> 16 in _NO_PLACE_FOR_DATA_SETS or removed_by_pattern(tag) or tag in MARKS:
            return Action.REMOVE, None
        if tag in CLAIMS and self._types.get(tag) not in ("1", "1C"):
            return Action.KEEP if tag == BURNED_IN_ANNOTATION and self._looked_at else Action.REMOVE, None
        if tag in self._drawn:
            return Action.REMOVE, GRAPHICS
        if special := _SPECIAL.get(tag):
            return special, None
        if row:
            return choice(row, vr, self._profile) or (deny, None)
        action = self._unlisted(tag, vr, deny)
        return action, _OF_UNLISTED.get(action) or (DATES.get(self._profile.dates) if action is Action.SHIFT else None)

    def _unlisted(self, tag: int, vr: bytes, deny: Action) -> Action:
        """What the table does not list: technical attributes of the IOD and numbers pass, the rest is denied."""
        if tag in codes.TAGS:
            if self.codes_kept:
                return Action.CODE if tag == codes.MEANING else Action.RETAIN
            return Action.CODE if self.coded and not self._top else Action.REMOVE
        if vr == b"UI" and self._profile.retain.uids:
            return Action.RETAIN_UID  # what refers must name what it refers to
        if anywhere := _ANYWHERE.get(vr):
            return deny if anywhere is Action.SHIFT and not self._dated else anywhere
        return self._of_iod(tag, vr, deny) if tag in self._types else Action.REMOVE

    def _of_iod(self, tag: int, vr: bytes, deny: Action) -> Action:
        """The IOD's own: its sequences, coded strings and pixels, and what the profile's lists allow."""
        if tag in PIXELS:
            return Action.PIXELS if self._top else deny
        if vr == b"SQ":
            return Action.RECURSE
        if vr == b"CS" or (vr == b"TM" and self._dated):
            return Action.KEEP
        return self._lists.get(tag, deny)


_OF_UNLISTED = {Action.RETAIN_UID: UIDS}
_SPECIAL = {
    SPECIFIC_CHARACTER_SET: Action.KEEP,
    PATIENT_NAME: Action.PATIENT_NAME,
    PATIENT_ID: Action.PATIENT_ID,
}


def _lists(profile: Profile) -> dict[int, Action]:
    """The profile's allow lists by tag."""
    kept = dict.fromkeys((*profile.technical_text, *profile.technical_bulk), Action.KEEP)
    words = dict.fromkeys(profile.vocabulary_text, Action.VOCABULARY)
    return {tag: action for keyword, action in (kept | words).items() if (tag := tag_for_keyword(keyword)) is not None}


class Plans:
    """The plans of one SOP class, by parent sequence."""

    def __init__(self, profile: Profile, sop_class: str, *, looked_at: bool = False) -> None:
        """Plans of a class; `looked_at`: of those instances whose pixels were cleaned and verified."""
        self.safe_private = profile.retain.safe_private
        self.structured_content = profile.clean.structured_content
        self.characteristics = profile.retain.patient_characteristics
        self._looked_at = looked_at
        self._profile = profile
        self._sop_class = sop_class
        self._plans: dict[int, Plan] = {}

    def of(self, parent: int) -> Plan:
        """The plan of a sequence's items, or of the top level (`TOP`)."""
        if parent not in self._plans:
            self._plans[parent] = Plan(self._profile, self._sop_class, parent, looked_at=self._looked_at)
        return self._plans[parent]
