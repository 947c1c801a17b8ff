"""What a masked pixel's samples are: black, in the words of each photometric interpretation (PS3.3 C.7.6.3.1.2)."""

import numpy as np
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import ExplicitVRLittleEndian

from processors.deid.burned_in.header import Header
from processors.deid.burned_in.layout import Layout
from processors.deid.reasons import Reason, RejectedError

_COLOURS = ("Red", "Green", "Blue")
_LUMINANCE = np.array((0.299, 0.587, 0.114))


def black(layout: Layout, header: Header) -> tuple[int, ...]:
    """Stored value of each sample of a black pixel.

    Signed values take Pixel Padding Value if there is one on the dark side, so that the range of the image stays.

    Raises:
        RejectedError: the palette cannot be read.
    """
    if layout.photometric in ("RGB", "YBR_ICT", "YBR_RCT"):
        # A decoder of JPEG 2000 gives RGB for both.
        return (0, 0, 0)
    if layout.photometric.startswith("YBR"):
        middle = 1 << (layout.stored - 1)
        return (16 if "PARTIAL" in layout.photometric else 0, middle, middle)
    if layout.photometric == "PALETTE COLOR":
        return (_darkest(layout, header),)
    low, high = _range(layout)
    slope = header.numbers("RescaleSlope")
    upside_down = (layout.photometric == "MONOCHROME1") != bool(slope and slope[0] < 0)
    dark, light = (high, low) if upside_down else (low, high)
    padding = header.pixel_value("PixelPaddingValue", signed=layout.signed)
    if layout.signed and padding is not None and low <= padding <= high and abs(padding - dark) < abs(padding - light):
        return (padding,)
    return (dark,)


def encoded(value: int, layout: Layout) -> int:
    """A stored value as the bits of one allocated sample; a signed one fills the unused bits above with its sign."""
    return (value << layout.shift) & ((1 << layout.allocated) - 1)


def _range(layout: Layout) -> tuple[int, int]:
    if layout.signed:
        half = 1 << (layout.stored - 1)
        return -half, half - 1
    return 0, (1 << layout.stored) - 1


def _darkest(layout: Layout, header: Header) -> int:
    """The first index of the palette whose colour is darkest."""
    palette = palette_of(header)
    low, high = _range(layout)
    indices = np.arange(max(low, -0x8000), min(high, 0xFFFF) + 1)
    colours = coloured(indices, palette)
    return int(indices[int(np.argmin(colours[..., :3] @ _LUMINANCE))])


def coloured(
    indices: "np.ndarray[tuple[int, ...], np.dtype[np.int64]]", palette: Dataset
) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    """The colours of palette indices, (..., 3), from 0 to 255.

    Raises:
        RejectedError: the palette cannot be read.
    """
    try:
        found = apply_color_lut(indices, palette)
    except Exception as error:
        # A palette is arbitrary input, and pydicom promises no kind of error.
        raise RejectedError(Reason.PIXELS_MISMATCH) from error
    depth = palette.RedPaletteColorLookupTableDescriptor[2]
    return found.astype(np.float64)[..., :3] / (1 if depth == 8 else 257)


def palette_of(header: Header) -> Dataset:
    """The palette alone, as pydicom reads one.

    Raises:
        RejectedError: there is none.
    """
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for colour in _COLOURS:
        descriptor = f"{colour}PaletteColorLookupTableDescriptor"
        numbers = [int(number) for number in header.numbers(descriptor)]
        if len(numbers) != 3:
            raise RejectedError(Reason.PIXELS_MISMATCH)
        setattr(made, descriptor, numbers)
        for kind in ("", "Segmented"):
            keyword = f"{kind}{colour}PaletteColorLookupTableData"
            element = header.elements.get(tag_for_keyword(keyword) or 0)
            if element is not None:
                data = bytes(header.buffer[element.value : element.end])
                setattr(made, keyword, np.frombuffer(data, "u2").byteswap().tobytes() if header.form.big else data)
    return made
