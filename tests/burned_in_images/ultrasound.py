"""Ultrasound: a sector of speckle with depth gain, a grey wedge, scale marks, and lines around it and over it."""

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UltrasoundImageStorage

from processors.deid.burned_in import Box
from tests.burned_in_images.objects import BurnedIn, image
from tests.burned_in_images.page import Page
from tests.burned_in_images.texture import Plane, clouds, interpolated, soft, speckle

ROWS, COLUMNS = 600, 800
APEX = (30, 400)
HALF_ANGLE = 0.62
NEAR, FAR = 45, 520
REGION = Box(80, 60, 720, 560)
"""Where echoes are shown, as the object says: the sector's upright box, corners beside the sector included."""


def ultrasound(seed: int, *, lines: int = 4, frames: int = 1) -> BurnedIn:
    """RGB, 800 x 600. Three of four name their calibrated region; of the lines, two of three lie in it."""
    chance = np.random.default_rng([seed, 1])
    shown = np.repeat(_console(_sector(chance))[..., None], 3, axis=2)
    page = Page(shown, chance)
    above, beside = Box(4, 4, COLUMNS - 60, 56), Box(4, 60, 200, ROWS - 4)
    corner, over = Box(84, 64, 250, 300), Box(240, 120, 570, 520)
    zones = (above, corner, over, beside, over, Box(560, 64, 716, 300))
    for number in range(lines):
        page.write(zones[(seed + number) % len(zones)], (11, 24), turned=0.08, faint=0.15, coloured=0.25)
    values = (page.picture * 255).round().astype(np.uint8)
    made = image(UltrasoundImageStorage, "US", np.stack([values] * frames), "RGB", 8)
    if seed % 4:
        region = Dataset()
        region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
        region.RegionLocationMinX0, region.RegionLocationMinY0 = REGION.left, REGION.top
        region.RegionLocationMaxX1, region.RegionLocationMaxY1 = REGION.right - 1, REGION.bottom - 1
        made.SequenceOfUltrasoundRegions = [region]
    return BurnedIn(made, tuple(page.lines))


def _sector(chance: np.random.Generator) -> Plane:
    """Echoes of 60 dB, logarithmic, 0 to 1, on the grid of the image."""
    depths, beams = 640, 192
    tissue = clouds(chance, depths, beams, 1.4) * 3.5
    depth, beam = np.mgrid[:depths, :beams]
    for _ in range(int(chance.integers(1, 4))):
        at, across, size = chance.uniform(0.2, 0.8) * depths, chance.uniform(0.2, 0.8) * beams, chance.uniform(18, 60)
        inside = soft(np.hypot(depth - at, (beam - across) * depths / beams * 0.8) - size, 3)
        tissue -= inside * chance.uniform(15, 35)
    for _ in range(int(chance.integers(2, 5))):
        at, slope = chance.uniform(0.1, 0.9) * depths, chance.uniform(-0.6, 0.6)
        bends = at + slope * (beam - beams / 2) + 14 * np.sin(beam / beams * chance.uniform(2, 8))
        tissue += 16 * np.exp(-(((depth - bends) / 4) ** 2))
    # Sound is weakened on its way, and gain makes up for it but not to the end.
    tissue += 4 - 14 * (depth / depths) ** 2
    echoes = tissue + 20 * np.log10(speckle(chance, depths, beams, 1.6, 1.1) + 1e-4)
    y, x = np.mgrid[:ROWS, :COLUMNS].astype(np.float64)
    radius, angle = np.hypot(y - APEX[0], x - APEX[1]), np.arctan2(x - APEX[1], y - APEX[0])
    shown = interpolated(echoes, (radius - NEAR) / (FAR - NEAR) * depths, (angle / HALF_ANGLE + 1) / 2 * beams)
    inside = (radius > NEAR) & (radius < FAR) & (np.abs(angle) < HALF_ANGLE)
    return np.where(inside, ((shown + 38) / 60).clip(0, 1), 0.0)


def _console(picture: Plane) -> Plane:
    """What a console draws beside the sector: a grey wedge, scale marks, the focus."""
    picture[80:280, 760:776] = np.linspace(1, 0, 200)[:, None]
    picture[79:281, [759, 776]] = 0.6
    for number, row in enumerate(range(75, 555, 12)):
        picture[row : row + 1, 728 : 740 if number % 5 == 0 else 733] = 0.8
    for step in range(7):
        picture[330 + step, 744 : 744 + 7 - step] = 0.8
    picture[590, 100:700] = 0.3
    return picture
