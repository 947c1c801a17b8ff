"""Which elements may differ from slice to slice without a say in what becomes of any other."""

from processors.deid.action import Action
from processors.deid.known_values.attributes import NAMING
from processors.deid.parse import Element
from processors.deid.plan import Plan

SOP_INSTANCE = 0x00080018
_CHARACTER_SET = 0x00080005

_MEASURED = frozenset((b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"SL", b"SS", b"TM", b"UI", b"UL", b"US"))
"""Numbers, times and UIDs; what a text says may decide what another one may say."""

_DECIDING = frozenset(
    (0x00080008, 0x00080016, 0x00080064, 0x0020000D, 0x0020000E, 0x00200052, 0x00100020, 0x00100021, 0x00280301)
)
"""Image Type, class, Conversion Type, study, series, frame of reference, patient and issuer, Burned In Annotation."""

_SHOWN = frozenset((0x00280106, 0x00280107, 0x00281050, 0x00281051, 0x00281052, 0x00281053))
"""What of group 0028 a scanner sets for each slice: extreme values, window, rescale. The rest decides about pixels."""

_SAID = 0x00204000
"""Image Comments, the one text that scanners write anew for each slice; if it goes, it says nothing to others."""


def may_differ(element: Element, plan: Plan, *, private_stay: bool) -> bool:
    """Whether an element of the top level may have another value in each slice.

    Args:
        element: as it is in one of them.
        plan: of the top level.
        private_stay: whether some private elements are kept, which their creators decide.
    """
    tag, vr = element.tag, element.vr
    group = tag >> 16
    if tag in _DECIDING or vr == b"PN" or group < 0x0008 or group >= 0x5000:
        return False
    if group == 0x0028:
        return tag in _SHOWN
    if group & 1:
        return not private_stay and element.items is None and tag & 0xFFFF > 0xFF
    if vr in _MEASURED or vr == b"SQ":
        return tag not in NAMING
    return tag == _SAID and vr == b"LT" and plan[tag].action is Action.REMOVE


def names_someone(element: Element) -> bool:
    """Whether items of a sequence say a name or an id, so that the whole instance is to be searched for it."""
    for item in element.items or ():
        for each in item:
            says = each.tag == _CHARACTER_SET or each.tag in NAMING or each.vr in (b"PN", b"UN")
            if names_someone(each) or (says and each.value != each.end):
                return True
    return False
