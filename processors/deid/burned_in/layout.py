"""How the samples of an image lie in its bytes: the Image Pixel Module (PS3.3 C.7.6.3), checked once."""

from dataclasses import dataclass, replace

from processors.deid.burned_in.header import Header
from processors.deid.reasons import Reason, RejectedError

SAMPLES = {
    "MONOCHROME1": 1,
    "MONOCHROME2": 1,
    "PALETTE COLOR": 1,
    "RGB": 3,
    "YBR_FULL": 3,
    "YBR_FULL_422": 3,
    "YBR_PARTIAL_422": 3,
    "YBR_ICT": 3,
    "YBR_RCT": 3,
}
"""Samples of each photometric interpretation whose black is known (PS3.3 C.7.6.3.1.2)."""

IN_JPEG_2000_ALONE = ("YBR_ICT", "YBR_RCT")
MAX_BYTES = 2 << 30


@dataclass(frozen=True, slots=True)
class Layout:
    """Facts of the Image Pixel Module; `swapped`: bytes lie in 16 bit words of big endian order (PS3.5 A.3)."""

    rows: int
    columns: int
    samples: int
    frames: int
    allocated: int
    stored: int
    high: int
    signed: bool
    planar: bool
    photometric: str
    big: bool = False
    swapped: bool = False

    @classmethod
    def of(cls, header: Header, *, native: bool, words: bool = False) -> "Layout":
        """What a header says.

        Args:
            header: the top level.
            native: whether pixels are not compressed.
            words: whether native pixels have VR OW.

        Raises:
            RejectedError: it says what cannot be, or a photometric interpretation whose black is not known.
        """
        photometric = header.value("PhotometricInterpretation").decode("latin-1")
        allocated = header.number("BitsAllocated", 0) or 0
        stored = header.number("BitsStored", allocated) or 0
        big = header.form.big
        layout = cls(
            rows=header.number("Rows", 0) or 0,
            columns=header.number("Columns", 0) or 0,
            samples=header.number("SamplesPerPixel", 1) or 0,
            frames=header.number("NumberOfFrames", 1) or 1,
            allocated=allocated,
            stored=stored,
            high=header.number("HighBit", stored - 1) or 0,
            signed=header.number("PixelRepresentation", 0) == 1,
            planar=header.number("PlanarConfiguration", 0) == 1 and SAMPLES.get(photometric) == 3,
            photometric=photometric,
            big=big and allocated > 8,
            swapped=big and words and allocated <= 8,
        )
        if not layout._can_be(native=native):
            raise RejectedError(Reason.PIXELS_MISMATCH)
        return layout

    def _can_be(self, *, native: bool) -> bool:
        fits = SAMPLES.get(self.photometric) == self.samples and min(self.rows, self.columns, self.frames) > 0
        depth = self.allocated in (1, 8, 16, 32) and 0 < self.stored <= self.high + 1 <= self.allocated
        if self.subsampled:
            fits = fits and self.allocated == 8 and not (native and (self.columns & 1 or self.planar))
        if native and self.photometric in IN_JPEG_2000_ALONE:
            return False
        return fits and depth and self.size <= MAX_BYTES

    @property
    def subsampled(self) -> bool:
        """Whether two neighbours in a row share their chrominance (PS3.3 C.7.6.3.1.2)."""
        return self.photometric.endswith("_422")

    @property
    def shift(self) -> int:
        """Unused bits below the stored ones."""
        return self.high + 1 - self.stored

    @property
    def frame_bits(self) -> int:
        """Bits of one native frame; frames of single bits follow each other without padding (PS3.5 8.1.1)."""
        return self.rows * self.columns * (2 if self.subsampled else self.samples) * self.allocated

    @property
    def size(self) -> int:
        """Bytes of all native frames, without the byte that makes them even."""
        return (self.frame_bits * self.frames + 7) // 8

    def decoded(self, photometric: str) -> "Layout":
        """The layout of pixels that a decoder gave: by pixel, little endian, chrominance for each pixel."""
        full = {"YBR_FULL_422": "YBR_FULL", "YBR_PARTIAL_422": "YBR_FULL"}.get(photometric, photometric)
        return replace(self, photometric=full, planar=False, big=False, swapped=False)

    def single(self) -> "Layout":
        """The layout of one frame alone."""
        return replace(self, frames=1)
