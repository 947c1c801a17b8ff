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
from processors.deid.parse import IS_LONG, Element, Form, Parser
from processors.deid.part10 import Part10
from processors.deid.pixels import PIXEL_DATA
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
    """A slice that fitted: its cleaned header, its pixels, and the walk over its holes."""

    header: bytes
    pixels: memoryview
    walk: Walk
    values: dict[int, bytes]
    """The original values of holes by tag, unpadded."""


@dataclass(frozen=True, slots=True)
class Template:
    """Runs and holes of a slice, `cleaned` what became of the runs; the last run ends in the header of pixel data."""

    about: tuple[bytes, bytes]
    """Transfer syntax, and SOP class by the file meta information."""
    holes: tuple[Hole, ...]
    runs: tuple[bytes, ...]
    cleaned: tuple[bytes, ...]
    walk: Walk
    verified: Verified
    pixels: int
    """Bytes of pixel data, which is native and the last element."""
    identify: Identify
    longest: int

    def filled(self, part: Part10) -> Filled | None:
        """A cleaned slice; None when it does not fit."""
        if (part.transfer_syntax, part.sop_class) != self.about:
            return None
        header = bytes(part.buffer[part.start : part.start + self.longest])
        try:
            located = self._located(header)
            return self._cleaned(located[0], header, part.buffer[part.start + located[1] :]) if located else None
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

    def _cleaned(self, elements: list[Element], header: bytes, pixels: memoryview) -> Filled | None:
        """The slice with its holes cleaned; None where they say a name, or where something survives."""
        if len(pixels) != self.pixels or any(map(names_someone, elements)):
            return None
        view = memoryview(header)
        walk = _beginning(self.walk, view)
        parts, added = [self.cleaned[0]], []
        for element, cleaned in zip(elements, self.cleaned[1:], strict=True):
            piece = walk.piece([element])
            added.append(piece)
            parts += (piece, cleaned)
        if not self.verified.admits(self.identify(elements, view), b"".join(added), pixels):
            return None
        values = {each.tag: header[each.value : each.end].strip(b" \0") for each in elements if each.items is None}
        return Filled(b"".join(parts), pixels, walk, values)


def _beginning(walk: Walk, buffer: memoryview) -> Walk:
    """A walk over another buffer that goes on counting where a finished one stopped."""
    return replace(
        walk, buffer=buffer, out=bytearray(), segments=[], references=set(walk.references), acted=dict(walk.acted)
    )


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice that the full walk has cleaned: all that a template can be made of."""

    part: Part10
    elements: list[Element]
    walk: Walk
    marks: Marks

    @property
    def pixels(self) -> Element | None:
        """Native pixel data of an even length that ends the file, behind a header that is not too long."""
        last = self.elements[-1]
        native = self.part.encapsulated is None and last.tag == PIXEL_DATA and last.end == len(self.part.buffer)
        even = not (last.end - last.value) & 1
        return last if native and even and last.value - self.part.start <= LONGEST_HEADER else None


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
    walk.buffer = memoryview(b"")
    made = Template(
        about=(slice_.part.transfer_syntax, slice_.part.sop_class),
        holes=tuple(holes),
        runs=tuple(runs),
        cleaned=(*cleaned, tail),
        walk=walk,
        verified=verified,
        pixels=pixels.end - pixels.value,
        identify=identify,
        longest=2 * (pixels.value - start),
    )
    again = made.filled(slice_.part)
    same = again is not None and again.header == slice_.walk.segments[0] and again.walk.actions == slice_.walk.actions
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
