"""The stored values of one file's slices, read and written back; everything else of the file stays byte by byte."""

import contextlib
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.datadict import tag_for_keyword

from processors.deid.burned_in.black import encoded
from processors.deid.burned_in.compressed import Compressed
from processors.deid.burned_in.header import Opened
from processors.deid.burned_in.layout import Layout
from processors.deid.burned_in.samples import byte_order, samples, stored_values
from processors.deid.encode import Encoder
from processors.deid.faces.verdict import SeriesRefusedError, Verdict
from processors.deid.parse import EXPLICIT_LITTLE
from processors.deid.part10 import EXPLICIT, preamble_and_meta
from processors.deid.reasons import RejectedError

PIXEL_DATA = 0x7FE00010
_GONE = frozenset(
    tag_for_keyword(keyword) for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths", "IconImageSequence")
)
"""What spoke of the pixels as they were: offsets into fragments, and a small copy of what was removed."""


@contextlib.contextmanager
def opened_file(file: Path) -> Iterator[Opened]:
    """A file mapped and parsed while this lasts.

    Raises:
        SeriesRefusedError: it cannot be read, or is not well-formed.
    """
    try:
        opened = Opened.of(_mapped(file))
    except (OSError, ValueError, RejectedError) as error:
        raise SeriesRefusedError(Verdict.UNREADABLE) from error
    yield opened


def _mapped(file: Path) -> memoryview:
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe without a writer: `files`
    try:
        return memoryview(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """The pixels of one file, native in memory of their own, and how they lie."""

    opened: Opened
    pixels: bytearray
    layout: Layout

    @classmethod
    def of(cls, opened: Opened) -> "Stored":
        """Read, and decode where they are compressed.

        Raises:
            SeriesRefusedError: they are not one sample of 8 or 16 bits, MONOCHROME2, as many as said.
        """
        element = opened.header.elements.get(PIXEL_DATA)
        if element is None:
            raise SeriesRefusedError(Verdict.PIXELS_UNSUPPORTED)
        native = opened.part.encapsulated is None
        value = opened.part.buffer[element.value : element.end]
        try:
            layout = Layout.of(opened.header, native=native, words=element.vr == b"OW")
            if layout.photometric != "MONOCHROME2" or layout.allocated not in (8, 16):
                raise SeriesRefusedError(Verdict.PIXELS_UNSUPPORTED)
            if not native:
                made = Compressed.of(opened, value, layout)
                return cls(opened, made.pixels, made.layout)
        except RejectedError as error:
            raise SeriesRefusedError(Verdict.PIXELS_UNSUPPORTED) from error
        if len(value) not in (layout.size, layout.size + (layout.size & 1)):
            raise SeriesRefusedError(Verdict.PIXELS_UNSUPPORTED)
        return cls(opened, bytearray(value), layout)

    @property
    def range(self) -> tuple[int, int]:
        """The lowest and the highest stored value."""
        half = 1 << (self.layout.stored - 1)
        return (-half, half - 1) if self.layout.signed else (0, 2 * half - 1)

    @property
    def padding(self) -> tuple[int, int] | None:
        """Pixel Padding Value and its limit, lower first (PS3.3 C.7.5.1.1.2); None where there is none."""
        value = self.opened.header.pixel_value("PixelPaddingValue", signed=self.layout.signed)
        if value is None:
            return None
        limit = self.opened.header.pixel_value("PixelPaddingRangeLimit", signed=self.layout.signed)
        other = value if limit is None else limit
        return min(value, other), max(value, other)

    def values(self, frame: int) -> NDArray[np.int64]:
        """What the samples of a frame mean: (rows, columns)."""
        with byte_order(memoryview(self.pixels), self.layout):
            found: NDArray[np.int64] = stored_values(memoryview(self.pixels), self.layout, frame)[0]
        return found

    def replace(self, frame: int, where: NDArray[np.bool_], value: int) -> None:
        """Write one stored value to pixels of a frame, their unused bits included."""
        with byte_order(memoryview(self.pixels), self.layout):
            plane = samples(memoryview(self.pixels), self.layout)[frame, 0]
            plane[where] = plane.dtype.type(encoded(value, self.layout))

    def file(self) -> bytes:
        """The whole Part 10 file; pixels that were compressed become explicit VR little endian."""
        part, header = self.opened.part, self.opened.header
        native = part.encapsulated is None
        syntax = part.transfer_syntax if native else EXPLICIT
        head = preamble_and_meta(syntax, header.value("SOPClassUID"), header.value("SOPInstanceUID"))
        out = bytearray(part.buffer[: part.start] if native and part.start else head)
        for element in self.opened.elements:
            if element.tag in _GONE:
                continue
            if element.tag != PIXEL_DATA:
                out += part.buffer[element.start : element.end]
            elif native:
                out += part.buffer[element.start : element.value]
                out += self.pixels
            else:
                vr = b"OW" if self.layout.allocated > 8 else b"OB"
                out += Encoder(EXPLICIT_LITTLE).element(PIXEL_DATA, vr, bytes(self.pixels))
        return bytes(out)
