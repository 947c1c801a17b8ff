"""Captures of screens: menus, tables, curves and image panels, in the colours that captures come in."""

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import convert_color_space
from pydicom.uid import SecondaryCaptureImageStorage

from processors.deid.burned_in import Box
from tests.burned_in_images.objects import BurnedIn, image
from tests.burned_in_images.page import Page
from tests.burned_in_images.texture import clouds

ROWS, COLUMNS = 768, 1024
PHOTOMETRIC = ("RGB", "PALETTE COLOR", "YBR_FULL", "MONOCHROME2")
_LEVELS = 6


def capture(seed: int, *, lines: int = 5) -> BurnedIn:
    """1024 x 768, RGB, PALETTE COLOR, YBR_FULL and MONOCHROME2 in turn."""
    chance = np.random.default_rng([seed, 2])
    page = Page(_screen(chance), chance)
    zones = (
        Box(8, 4, COLUMNS - 8, 56), Box(30, 110, 520, 700), Box(560, 100, COLUMNS - 10, 420),
        Box(560, 440, COLUMNS - 10, 700), Box(8, 722, COLUMNS - 8, ROWS - 4),
    )  # fmt: skip
    for number in range(lines):
        page.write(zones[(seed + number) % len(zones)], (11, 26), turned=0.08, faint=0.2, coloured=0.15)
    photometric = PHOTOMETRIC[seed % len(PHOTOMETRIC)]
    return BurnedIn(_object((page.picture * 255).round().astype(np.uint8), photometric), tuple(page.lines))


def _screen(chance: np.random.Generator) -> NDArray[np.float64]:
    """A bar above, an image panel at the left, a table and a curve at the right, a bar below."""
    dark = chance.random() < 0.5
    ground, bar = ((0.12, 0.16, 0.2), (0.25, 0.3, 0.38)) if dark else ((0.93, 0.93, 0.9), (0.7, 0.78, 0.88))
    picture = np.tile(np.array(ground), (ROWS, COLUMNS, 1))
    picture[:60], picture[718:] = bar, bar
    y, x = np.mgrid[:620, :510]
    body = np.hypot((x - 255) / 230, (y - 310) / 280) < 1
    tissue = 0.42 + 0.07 * clouds(chance, 620, 510, 1.2) + chance.normal(0, 0.02, (620, 510))
    picture[90:710, 20:530] = np.where(body, tissue.clip(0, 1), 0.0)[..., None]
    rule = np.array(ground) * 0.6 + 0.2
    picture[100:420:32, 552:1016] = rule
    picture[100:421, [552, 700, 860, 1015]] = rule
    picture[440:700, [552, 1015]], picture[[440, 699], 552:1016] = rule, rule
    columns = np.arange(560, 1010)
    heights = 570 + 90 * np.sin(columns / chance.uniform(18, 60)) * np.exp(-(columns - 560) / 400)
    for row, column in zip(heights.round().astype(int), columns, strict=True):
        picture[row - 1 : row + 1, column] = (0.9, 0.5, 0.1)
    for number in range(5):
        left = 880 + 26 * number
        picture[20:40, left : left + 20] = chance.uniform(0.2, 0.9, 3)
    return picture


def _object(shown: NDArray[np.uint8], photometric: str) -> Dataset:
    """The capture in one photometric interpretation; a palette has six levels of each colour."""
    if photometric == "PALETTE COLOR":
        levels = (shown.astype(np.uint16) * (_LEVELS - 1) + 127) // 255
        values = (levels[..., 0] * _LEVELS**2 + levels[..., 1] * _LEVELS + levels[..., 2]).astype(np.uint8)[..., None]
    elif photometric == "YBR_FULL":
        values = convert_color_space(shown, "RGB", "YBR_FULL").astype(np.uint8)
    elif photometric == "MONOCHROME2":
        values = (shown @ np.array((0.299, 0.587, 0.114))).round().astype(np.uint8)[..., None]
    else:
        values = shown
    made = image(SecondaryCaptureImageStorage, "OT", values[None], photometric, 8)
    made.ConversionType = "WSD"
    if photometric == "PALETTE COLOR":
        indices = np.arange(_LEVELS**3)
        for colour, power in (("Red", 2), ("Green", 1), ("Blue", 0)):
            table = (indices // _LEVELS**power % _LEVELS * 257 * (255 // (_LEVELS - 1))).astype("<u2")
            setattr(made, f"{colour}PaletteColorLookupTableDescriptor", [len(indices), 0, 16])
            setattr(made, f"{colour}PaletteColorLookupTableData", table.tobytes())
    return made
