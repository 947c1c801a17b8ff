"""One instance: its burned-in text masked and looked for again, or the reason why it is quarantined.

1. What cannot show text passes untouched, and nothing is claimed of it.
2. Rules of the site for its device, and the calibrated regions of ultrasound, say what is masked without looking.
3. Unused bits are cleared; a detector looks, and what it finds is masked in all frames.
4. It looks again, at more pictures, and what it finds is masked too. What it finds in its last look: quarantine;
   and so where looks find more than half of what is left of it.
5. Only then Burned In Annotation is NO, and the step may be claimed (113101).
"""

from dataclasses import dataclass

from processors.deid.burned_in.black import black
from processors.deid.burned_in.box import Box, outside, share_of
from processors.deid.burned_in.compressed import Compressed, Written
from processors.deid.burned_in.detector import TextDetector, look
from processors.deid.burned_in.header import Header, Opened
from processors.deid.burned_in.hidden_bits import clear_hidden_bits
from processors.deid.burned_in.layout import Layout
from processors.deid.burned_in.mask import mask
from processors.deid.burned_in.picture import pictures
from processors.deid.burned_in.regions import calibrated_regions
from processors.deid.burned_in.signatures import Signatures, masked_by
from processors.deid.burned_in.suspects import can_show_text
from processors.deid.burned_in.thumbnail import thumbnail
from processors.deid.burned_in.written import assembled
from processors.deid.errors import TextDetectorMissingError
from processors.deid.options import PIXEL_DATA, Option
from processors.deid.pixels import require_whole
from processors.deid.reasons import Reason, RejectedError

LOOKS_AGAIN = 2
"""How often it looks after masking. What the first of these finds is masked; what the last finds is not passed."""

MOST_FOUND = 0.5
"""The share that looks may find of what known boxes leave of an image. Where more looks like text, the detector takes
grain for letters, or the image is a page: it is not blackened and passed on, but a person is to look."""

_PIXEL_DATA = 0x7FE00010
_ULTRASOUND = ("US", "IVUS")


@dataclass(frozen=True, slots=True)
class Untouched:
    """An image that cannot show text; it was not looked at, and nothing is claimed of it."""


@dataclass(frozen=True, slots=True)
class Cleaned:
    """An image whose pixels were cleaned and verified.

    `part10` is the whole file, still identified in everything but its pixels; `masked` are boxes of every frame;
    `changed` the frames whose pixels are other ones; `decompressed` says why the transfer syntax is another, if it is;
    `steps` may be written as marks.
    """

    part10: bytearray
    masked: tuple[Box, ...]
    changed: frozenset[int]
    decompressed: str = ""
    steps: tuple[Option, ...] = (PIXEL_DATA,)


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An image that does not pass: why, a PNG for review in the trusted zone, and where text remained."""

    reason: Reason
    picture: bytes = b""
    remaining: tuple[Box, ...] = ()

    def __repr__(self) -> str:
        """The reason alone; the picture shows a patient."""
        return f"Quarantined({self.reason.value!r})"


class PixelCleaner:
    """Cleans pixels by a site's rules and one detector; without one, only what a rule calls complete passes."""

    def __init__(self, detector: TextDetector | None, signatures: Signatures | None = None) -> None:
        self.detector = detector
        self.signatures = signatures or Signatures()

    @property
    def facts(self) -> dict[str, str]:
        """What decides the outcome besides the image, for a treatment to pin."""
        return {
            "text_detector": self.detector.name if self.detector else "none",
            "device_signatures": self.signatures.digest,
        }

    def clean(self, part10: bytes | memoryview) -> Untouched | Cleaned | Quarantined:
        """Clean one Part 10 file; the file itself is never changed."""
        try:
            opened = Opened.of(part10)
            return self._clean(opened) if can_show_text(opened.header) else Untouched()
        except RejectedError as error:
            return Quarantined(error.reason)
        except TextDetectorMissingError:
            return Quarantined(Reason.PIXELS_NO_DETECTOR)
        except Exception:  # noqa: BLE001 - the outermost loop of one image: what fails is quarantined, never passed on
            return Quarantined(Reason.ENGINE_ERROR)

    def _clean(self, opened: Opened) -> Cleaned | Quarantined:
        header = opened.header
        require_whole(opened.part, header.elements, lambda tag: _value(opened, tag))
        element = header.elements.get(_PIXEL_DATA)
        if element is None:
            raise RejectedError(Reason.PIXELS_UNDECODABLE)
        native = opened.part.encapsulated is None
        value = opened.part.buffer[element.value : element.end]
        layout = Layout.of(header, native=native, words=element.vr == b"OW")
        if native:
            whole = assembled(opened, Written(value, opened.part.transfer_syntax, layout))
            seen = self._masked(header, memoryview(whole.file)[whole.pixels], layout)
            return seen if isinstance(seen, Quarantined) else Cleaned(whole.file, seen.boxes, seen.changed)
        compressed = Compressed.of(opened, value, layout)
        seen = self._masked(header, memoryview(compressed.pixels), compressed.layout)
        if isinstance(seen, Quarantined):
            return seen
        written = compressed.written(seen.changed)
        return Cleaned(assembled(opened, written).file, seen.boxes, seen.changed, written.reason)

    def _masked(self, header: Header, pixels: memoryview, layout: Layout) -> "_Masked | Quarantined":
        """Steps 2 to 4 on native pixels, in place."""
        rules = self.signatures.matching(header)
        if any(rule.withhold for rule in rules):
            return _quarantined(Reason.PIXELS_DEVICE_WITHHELD, header, pixels, layout)
        if self.detector is None and not any(rule.complete for rule in rules):
            return _quarantined(Reason.PIXELS_NO_DETECTOR, header, pixels, layout)
        dark = black(layout, header)
        known = (*masked_by(rules, layout), *_beside_regions(header, layout))
        changed = clear_hidden_bits(pixels, layout) | mask(pixels, layout, known, dark)
        if self.detector is None:
            return _Masked(known, changed)
        masked = known
        left = 1 - share_of(known, layout.columns, layout.rows)
        found = look(self.detector, pixels, layout, header)
        for _ in range(LOOKS_AGAIN):
            if 1 - share_of((*masked, *found), layout.columns, layout.rows) < left * (1 - MOST_FOUND):
                return _quarantined(Reason.PIXELS_SHOW_TEXT, header, pixels, layout, found)
            changed |= mask(pixels, layout, found, dark)
            masked += found
            found = look(self.detector, pixels, layout, header, again=True)
            if not found:
                return _Masked(masked, changed)
        return _quarantined(Reason.PIXELS_SHOW_TEXT, header, pixels, layout, found)


@dataclass(frozen=True, slots=True)
class _Masked:
    boxes: tuple[Box, ...]
    changed: frozenset[int]


def _beside_regions(header: Header, layout: Layout) -> tuple[Box, ...]:
    """What an ultrasound image shows outside its calibrated regions; nothing where it names none."""
    if header.value("Modality").decode("latin-1") not in _ULTRASOUND:
        return ()
    kept = calibrated_regions(header, layout.columns, layout.rows)
    return outside(kept, layout.columns, layout.rows) if kept else ()


def _quarantined(
    reason: Reason, header: Header, pixels: memoryview, layout: Layout, remaining: tuple[Box, ...] = ()
) -> Quarantined:
    return Quarantined(reason, thumbnail(next(pictures(pixels, layout, header, 0)), remaining), remaining)


def _value(opened: Opened, tag: int) -> bytes:
    element = opened.header.elements.get(tag)
    return bytes(opened.part.buffer[element.value : element.end]).strip(b" ") if element else b""
