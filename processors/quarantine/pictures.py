"""What a person looks at before a word: frames of the original at full size, and a small one to know it by. PHI."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from processors.deid.burned_in.box import Box
from processors.deid.burned_in.compressed import Compressed
from processors.deid.burned_in.header import Opened
from processors.deid.burned_in.layout import Layout
from processors.deid.burned_in.picture import Picture, pictures
from processors.deid.burned_in.thumbnail import png, thumbnail
from processors.deid.reasons import RejectedError
from processors.quarantine.errors import NoPictureError

MOST_FRAMES: Final = 9
"""So many frames are shown, spread over all."""
_PIXEL_DATA: Final = 0x7FE00010


@dataclass(frozen=True, slots=True, repr=False)
class Shown:
    """The pixels of one original; no revealing repr."""

    opened: Opened
    pixels: memoryview
    layout: Layout

    @classmethod
    def of(cls, file: Path) -> Self:
        """Open an original.

        Raises:
            NoPictureError: it has left the landing, has no pixels, or they cannot be decoded here.
        """
        try:
            opened = Opened.of(file.read_bytes())
            element = opened.header.elements.get(_PIXEL_DATA)
            if element is None:
                raise NoPictureError("It has no pixels.")
            native = opened.part.encapsulated is None
            value = opened.part.buffer[element.value : element.end]
            layout = Layout.of(opened.header, native=native, words=element.vr == b"OW")
            if native:
                return cls(opened, memoryview(bytearray(value)), layout)
            compressed = Compressed.of(opened, value, layout)
            return cls(opened, memoryview(compressed.pixels), compressed.layout)
        except RejectedError as error:
            raise NoPictureError(f"Its pixels cannot be shown here ({error.reason.value}).") from error
        except OSError as error:
            raise NoPictureError("Its original has left the landing.") from error

    @property
    def frames(self) -> list[int]:
        """Which frames are shown, from 0."""
        whole = self.layout.frames
        return sorted({whole * at // MOST_FRAMES for at in range(MOST_FRAMES)} | {whole - 1})[:whole]

    def views(self, frame: int) -> Iterator[Picture]:
        """A frame in each way that makes other text readable."""
        return pictures(self.pixels, self.layout, self.opened.header, frame)

    def png(self, frame: int, view: int = 0) -> bytes:
        """One view of a frame, at full size.

        Raises:
            NoPictureError: there is no such frame or view.
        """
        if 0 <= frame < self.layout.frames:
            for number, picture in enumerate(self.views(frame)):
                if number == view:
                    return png(picture)
        raise NoPictureError("There is no such frame.")

    def small(self, boxes: tuple[Box, ...] = ()) -> bytes:
        """The first frame, small, with boxes drawn in."""
        return thumbnail(next(self.views(0)), boxes)
