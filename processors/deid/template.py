"""What the slices of a series have in common, cleaned and verified once.

A template is made of one slice: runs of its header that further slices must repeat byte for byte, and between them
holes, elements that may have another value. A slice that fits is cleaned by copying what became of the runs and by
cleaning its holes alone. What does not fit in every byte is no error: the full walk decides about it.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from processors.deid.holes import names_someone
from processors.deid.known_values.beside import Verified
from processors.deid.known_values.collect import Identifying
from processors.deid.parse import IS_LONG, PIXEL_GROUP, Element, Form, Parser
from processors.deid.part10 import Part10
from processors.deid.pixels import PIXEL_DATA, fragments_fit
from processors.deid.reasons import RejectedError
from processors.deid.walk import Walk

LONGEST_HEADER = 256 << 10
"""Bytes of a header that a template is made of."""

_ITEMS = 10_000
"""Elements inside the holes of one slice; the full walk allows more."""

Identify = Callable[[list[Element], memoryview], Identifying]
"""The identifying values of elements in a buffer, but for those that an option retains."""

Marks = list[tuple[int, bytes]]


class Hole(NamedTuple):
    """An element that may differ: its header but for the length, which has two bytes or four, is in the run before."""

    tag: int
    vr: bytes
    head: int
    """Bytes from the element's beginning to its length."""
    size: struct.Struct


class Filled(NamedTuple):
    """A slice that fitted: its cleaned header, its pixels in runs, and what the walk over its holes tells."""

    header: bytes
    pixels: list[memoryview]
    values: dict[int, bytes]
    """The original values of holes by tag, unpadded."""
    references: set[bytes]
    actions: dict[str, int]


@dataclass(frozen=True, slots=True)
class Template:
    """Runs and holes of a slice, `cleaned` what became of the runs; the last run ends in the header of pixel data."""

    about: tuple[bytes, bytes]
    """Transfer syntax, and SOP class by the file meta information."""
    holes: tuple[Hole, ...]
    runs: tuple[bytes, ...]
    cleaned: tuple[bytes, ...]
    walk: Walk
    """The walk over the runs; each slice goes on from where it stopped, as `met`, `acted` and `references` say."""
    met: int
    acted: dict[str, int]
    references: frozenset[bytes]
    verified: Verified
    pixels: int
    """Bytes of pixel data, which is the last element; 0 where it is in fragments, which are as long as they are."""
    identify: Identify
    longest: int

    def filled(self, part: Part10) -> Filled | None:
        """A cleaned slice; None when it does not fit."""
        if (part.transfer_syntax, part.sop_class) != self.about:
            return None
        header = bytes(part.buffer[part.start : part.start + self.longest])
        try:
            located = self._located(header)
            return self._cleaned(part, header, *located) if located else None
        except RejectedError:
            return None

    def _located(self, header: bytes) -> tuple[list[Element], int] | None:
        """The elements in the holes, and where pixel data begins; None where a run is not repeated."""
        elements: list[Element] = []
        view = memoryview(header)
        pos = 0
        for run, (tag, vr, head, size) in zip(self.runs, self.holes, strict=False):
            if not header.startswith(run, pos):
                return None
            value = pos + len(run) + size.size
            if value > len(header):
                return None
            start = value - size.size - head
            (length,) = size.unpack_from(header, value - size.size)
            items = None
            if vr == b"SQ":
                parser = Parser(view, self.walk.form)
                parser.budget = _ITEMS
                items, pos = parser.sequence(value, len(header), length, 1, explicit=self.walk.form.explicit)
            else:
                pos = value + length
            if pos > len(header):
                return None
            elements.append(Element(tag, vr, start, value, pos, items))
        return (elements, pos + len(self.runs[-1])) if header.startswith(self.runs[-1], pos) else None

    def _cleaned(self, part: Part10, header: bytes, elements: list[Element], end: int) -> Filled | None:
        """The slice with its holes cleaned; None where they say a name, or where something survives.

        Raises:
            RejectedError: its pixels are not what the header says.
        """
        if any(map(names_someone, elements)) or not self._has_pixels(part, part.start + end):
            return None
        view = memoryview(header)
        walk = self._goes_on(view)
        parts, added = [self.cleaned[0]], []
        for element, cleaned in zip(elements, self.cleaned[1:], strict=True):
            piece = walk.piece([element])
            added.append(piece)
            parts += (piece, cleaned)
        pixels = [run for run in walk.passed_on(part.buffer[part.start + end :]) if run]
        if not self.verified.admits(self.identify(elements, view), b"".join(added), pixels):
            return None
        values = {each.tag: header[each.value : each.end].strip(b" \0") for each in elements if each.items is None}
        return Filled(b"".join(parts), pixels, values, walk.references, walk.actions)

    def _has_pixels(self, part: Part10, value: int) -> bool:
        """Whether from `value` on there are as many pixels as in the other slices, or fragments of as many frames."""
        end = len(part.buffer)
        if self.walk.fragments is None:
            return end - value == self.pixels
        return fragments_fit(part, Element(PIXEL_DATA, b"OB", value, value, end, None), self.walk.fragments.frames)

    def _goes_on(self, buffer: memoryview) -> Walk:
        """The walk over another buffer, counting on from where the runs stopped."""
        walk = self.walk
        walk.buffer, walk.met, walk.acted, walk.references = buffer, self.met, dict(self.acted), set(self.references)
        walk.out.clear()
        return walk


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice that the full walk has cleaned: all that a template can be made of."""

    part: Part10
    elements: list[Element]
    walk: Walk
    marks: Marks

    @property
    def pixels(self) -> Element | None:
        """Pixel data of an even length that ends the file, behind a header that is not too long.

        Offsets of fragments in the header would be of this slice alone.
        """
        last = self.elements[-1]
        ends = last.tag == PIXEL_DATA and last.end == len(self.part.buffer) and not (last.end - last.value) & 1
        offsets = any(each.tag >> 16 == PIXEL_GROUP for each in self.elements[:-1])
        return last if ends and not offsets and last.value - self.part.start <= LONGEST_HEADER else None


def template_of(
    slice_: Slice, differing: frozenset[int], identify: Identify, tags: frozenset[int], days: int
) -> Template | None:
    """A template with holes at `differing` tags; None when it would not repeat the slice itself.

    Args:
        slice_: the one that it is made of; what the template holds of it is copied.
        differing: tags of the top level.
        identify: what finds identifying values.
        tags: attributes whose words were admitted one by one.
        days: by how many days dates were moved.
    """
    pixels = slice_.pixels
    if pixels is None:
        return None
    buffer, start = slice_.part.buffer, slice_.part.start
    form = slice_.walk.form
    fixed = [each for each in slice_.elements if each.tag not in differing]
    original = identify(fixed, buffer)
    names = frozenset(word.decode("latin-1") for word in original.words | original.texts)
    walk = replace(slice_.walk, out=bytearray(), segments=[], references=set(), met=0, acted={}, names=names)
    holes: list[Hole] = []
    runs: list[bytes] = []
    cleaned: list[bytes] = []
    waiting: list[Element] = []
    begin, marks = start, list(slice_.marks)
    for element in slice_.elements[:-1]:
        if element.tag not in differing:
            waiting.append(element)
            continue
        hole = _hole(element, form)
        cleaned.append(_piece(walk, waiting, marks, element.tag))
        runs.append(bytes(buffer[begin : element.start + hole.head]))
        holes.append(hole)
        begin, waiting = element.end, []
    tail = _piece(walk, waiting, marks, pixels.tag) + bytes(buffer[pixels.start : pixels.value])
    walk.met += 1  # pixel data
    runs.append(bytes(buffer[begin : pixels.value]))
    verified = Verified.of(original, (*(each for each in cleaned if each), tail), form, tags, days)
    if verified is None:
        return None
    made = Template(
        about=(slice_.part.transfer_syntax, slice_.part.sop_class),
        holes=tuple(holes),
        runs=tuple(runs),
        cleaned=(*cleaned, tail),
        walk=walk,
        met=walk.met,
        acted=walk.acted,
        references=frozenset(walk.references),
        verified=verified,
        pixels=pixels.end - pixels.value if slice_.part.encapsulated is None else 0,
        identify=identify,
        longest=2 * (pixels.value - start),
    )
    again = made.filled(slice_.part)
    same = again is not None and again.header == slice_.walk.segments[0] and again.actions == slice_.walk.actions
    return made if same else None  # such as where a name stood in a hole


def _hole(element: Element, form: Form) -> Hole:
    if not form.explicit:
        return Hole(element.tag, element.vr, 4, struct.Struct(form.order + "I"))
    long = IS_LONG[element.vr]
    return Hole(element.tag, element.vr, 8 if long else 6, struct.Struct(form.order + ("I" if long else "H")))


def _piece(walk: Walk, elements: list[Element], marks: Marks, before: int) -> bytes:
    """Elements cleaned, with the marks whose tags come before a tag, which are taken from the list."""
    parts: list[bytes] = []
    done = 0
    while marks and marks[0][0] <= before:
        tag, mark = marks.pop(0)
        here = next((at for at in range(done, len(elements)) if elements[at].tag >= tag), len(elements))
        parts += (walk.piece(elements[done:here]), mark)
        done = here
    parts.append(walk.piece(elements[done:]))
    return b"".join(parts)
