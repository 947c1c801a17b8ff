"""Compressed frames: decoded to be masked, and those that changed encoded again without loss.

| transfer syntax | what is written |
|---|---|
| RLE Lossless, JPEG-LS Lossless | the same; frames that did not change keep their bytes |
| another lossless one | explicit VR little endian: nothing here encodes it |
| a lossy one | explicit VR little endian: encoding again would lose more |
"""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import UID, JPEGLSLossless, RLELossless

from processors.deid.burned_in.header import Opened
from processors.deid.burned_in.layout import Layout
from processors.deid.burned_in.samples import samples
from processors.deid.part10 import EXPLICIT
from processors.deid.reasons import Reason, RejectedError

_LOSSLESS = (b"57", b"70", b"80", b"90", b"201", b"202")
NO_ENCODER = "no encoder of this transfer syntax is here"
FAILED = "the encoder did not give back what it was given"
WOULD_LOSE = "encoding a lossy transfer syntax again would lose more"


@dataclass(frozen=True, slots=True)
class Written:
    """Pixel data as it is written: its value, in what transfer syntax and layout, and why the syntax is another."""

    value: bytes | memoryview
    transfer_syntax: bytes
    layout: Layout
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Compressed:
    """The frames of one image as they came, and their pixels decoded one after the other."""

    frames: tuple[bytes, ...]
    pixels: bytearray
    coded: Layout
    layout: Layout
    transfer_syntax: bytes

    @classmethod
    def of(cls, opened: Opened, value: memoryview, layout: Layout) -> "Compressed":
        """Decode every frame.

        Args:
            opened: the file.
            value: the fragments with their offset table.
            layout: what the header says.

        Raises:
            RejectedError: nothing here decodes them, or they are not as many and as large as the header says.
        """
        syntax = opened.part.transfer_syntax
        try:
            frames = tuple(generate_frames(bytes(value), number_of_frames=layout.frames))
        except (ValueError, RuntimeError, IndexError) as error:
            raise RejectedError(Reason.PIXELS_MISMATCH) from error
        if len(frames) != layout.frames:
            raise RejectedError(Reason.PIXELS_MISMATCH)
        pixels = bytearray()
        names: set[str] = set()
        for frame in frames:
            decoded, photometric = _decoded(frame, syntax, layout)
            pixels += decoded
            names.add(photometric)
        made = layout.decoded(names.pop())
        if names or len(pixels) != made.size:
            raise RejectedError(Reason.PIXELS_MISMATCH)
        pixels += bytes(len(pixels) & 1)
        return cls(frames, pixels, layout, made, syntax)

    def written(self, changed: Iterable[int]) -> Written:
        """The pixel data after the frames `changed` were changed in `pixels`."""
        reason = self._why_not_the_same()
        if reason:
            return Written(memoryview(self.pixels), EXPLICIT, self.layout, reason)
        frames = list(self.frames)
        planes = samples(memoryview(self.pixels), self.layout)
        for number in changed:
            frame = planes[number].transpose(1, 2, 0)
            made = self._encoded(frame[..., 0] if self.layout.samples == 1 else frame)
            if made is None:
                return Written(memoryview(self.pixels), EXPLICIT, self.layout, FAILED)
            frames[number] = made
        return Written(encapsulate(frames, has_bot=True), self.transfer_syntax, self.coded)

    def _why_not_the_same(self) -> str:
        if not self.transfer_syntax.endswith(_LOSSLESS) and self.transfer_syntax != RLELossless.encode():
            return WOULD_LOSE
        again = self.transfer_syntax in (RLELossless.encode(), JPEGLSLossless.encode())
        same = self.layout.photometric == self.coded.photometric
        return "" if again and same and get_encoder(_uid(self.transfer_syntax)).is_available else NO_ENCODER

    def _encoded(self, frame: "np.ndarray[tuple[int, ...], np.dtype[np.unsignedinteger]]") -> bytes | None:
        """One frame, encoded, and proved to decode to the same; None if it is not or the encoder gives up."""
        kind = f"{'i' if self.layout.signed else 'u'}{self.layout.allocated // 8}"
        array = np.ascontiguousarray(frame).view(kind)
        encoder = get_encoder(_uid(self.transfer_syntax))
        try:
            made = encoder.encode(array, **_options(self.layout))
            again, _ = _decoded(made, self.transfer_syntax, self.coded)
        except Exception:  # noqa: BLE001 - encoders promise no kind of error, and native pixels are as good
            return None
        return bytes(made) if again == array.tobytes() else None


def _decoded(frame: bytes, syntax: bytes, layout: Layout) -> tuple[bytes, str]:
    """One frame as native little endian pixels, and their photometric interpretation."""
    try:
        decoder = get_decoder(_uid(syntax))
        with warnings.catch_warnings(action="ignore"):
            # Unused bits come as they are, so that what hides in them is seen and cleared.
            options = _options(layout) | {"pixel_keyword": "PixelData", "correct_unused_bits": False}
            array, facts = decoder.as_array(encapsulate([frame], has_bot=False), index=0, raw=True, **options)
    except Exception as error:
        # A codestream is arbitrary input, and decoders promise no kind of error.
        raise RejectedError(Reason.PIXELS_UNDECODABLE) from error
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes(), str(facts["photometric_interpretation"])


def _options(layout: Layout) -> dict[str, Any]:
    """The Image Pixel Module of one frame, as pydicom's coders take it."""
    return {
        "rows": layout.rows,
        "columns": layout.columns,
        "samples_per_pixel": layout.samples,
        "number_of_frames": 1,
        "bits_allocated": layout.allocated,
        "bits_stored": layout.stored,
        "pixel_representation": int(layout.signed),
        "photometric_interpretation": layout.photometric,
        "planar_configuration": int(layout.planar),
    }


def _uid(syntax: bytes) -> UID:
    return UID(syntax.decode())
