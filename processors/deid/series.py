"""Learning what the slices of a series have in common, from those that the full walk has cleaned."""

from typing import Generic, TypeVar

from processors.deid.holes import SOP_INSTANCE, may_differ
from processors.deid.iod_types import TOP
from processors.deid.part10 import Part10
from processors.deid.reasons import RejectedError
from processors.deid.template import Filled, Identify, Slice, Template, template_of

Facts = TypeVar("Facts")

_LESSONS = 6
"""How many slices of a series are learned from; what is still new then is left to the full walk."""

_Header = list[tuple[int, bytes, bytes]]
"""Tag, VR and value of each element before pixel data."""


class Series(Generic[Facts]):
    """The series at hand, of one engine: its latest header, what differs in it, and the template."""

    def __init__(self, identify: Identify, vocabulary_tags: frozenset[int]) -> None:
        """Nothing is known yet; `identify` and `vocabulary_tags` are the verifier's."""
        self._identify = identify
        self._tags = vocabulary_tags
        self._uid = b""
        self._header: _Header = []
        self._differing = frozenset((SOP_INSTANCE,))
        self._lessons = 0
        self._template: tuple[Template, Facts] | None = None

    def filled(self, part: Part10) -> tuple[Filled, Facts] | None:
        """A slice that fits the template, and the facts of the one it was made of; None: the full walk is needed."""
        if self._template is None:
            return None
        template, facts = self._template
        return (filled, facts) if (filled := template.filled(part)) else None

    def learn(self, uid: bytes, slice_: Slice, days: int, facts: Facts) -> None:
        """Compare a slice with the one before it: if only what may differ does, both are of one template.

        Args:
            uid: Series Instance UID of the original.
            slice_: the slice as the full walk cleaned it.
            days: by how many days its dates were moved.
            facts: what `filled` shall say with others like it.
        """
        if uid != self._uid:
            self._uid, self._header, self._lessons, self._template = uid, [], 0, None
            self._differing = frozenset((SOP_INSTANCE,))
        if self._lessons >= _LESSONS or not slice_.elements or slice_.pixels is None:
            return
        self._lessons += 1
        before, self._header = self._header, _header(slice_)
        differing = _differing(before, self._header)
        if differing is None:
            return
        differing |= self._differing
        plan, private_stay = slice_.walk.plans.of(TOP), slice_.walk.plans.safe_private
        elements = (each for each in slice_.elements if each.tag in differing)
        if all(may_differ(each, plan, private_stay=private_stay) for each in elements):
            self._differing = differing
            try:
                template = template_of(slice_, self._differing, self._identify, self._tags, days)
            except RejectedError:
                return
            self._template = (template, facts) if template else None


def _header(slice_: Slice) -> _Header:
    buffer = slice_.part.buffer
    return [(each.tag, each.vr, bytes(buffer[each.start : each.end])) for each in slice_.elements[:-1]]


def _differing(one: _Header, two: _Header) -> frozenset[int] | None:
    """Tags of other values; None where other elements are there, or of other VRs."""
    if [each[:2] for each in one] != [each[:2] for each in two]:
        return None
    return frozenset(each[0] for each, other in zip(one, two, strict=True) if each[2] != other[2])
