"""Radiographs of a chest: soft shapes and ribs, little noise, collimation, a side marker, lines near the borders."""

import numpy as np
from pydicom.uid import DigitalXRayImageStorageForPresentation

from processors.deid.burned_in import Box
from tests.burned_in_images.objects import BurnedIn, image
from tests.burned_in_images.page import Page
from tests.burned_in_images.texture import Plane, clouds, soft

STORED = (12, 14, 12, 13)


def radiograph(seed: int, *, lines: int = 4, columns: int = 1300, rows: int = 1500, marker: bool = True) -> BurnedIn:
    """12 to 14 bits; every other one MONOCHROME1; the side marker is no line that is counted."""
    chance = np.random.default_rng([seed, 3])
    grey = _chest(chance, rows, columns)
    page = Page(np.repeat(grey[..., None], 3, axis=2), chance)
    if marker:
        side = Box(columns // 8, rows // 9, columns // 3, rows // 4)
        page.write(side, (60, 90), fonts=("rounded",), text=str(chance.choice(("L", "R"))))
    band, half = rows // 12, columns // 2
    zones = (
        Box(20, 20, half, band + 40), Box(half, rows - band - 60, columns - 20, rows - 20),
        Box(half, 20, columns - 20, band + 40), Box(20, rows // 3, columns - 20, rows * 3 // 4),
        Box(20, rows - band - 60, half, rows - 20), Box(4, rows // 4, 160, rows * 3 // 4),
    )  # fmt: skip
    for number in range(lines):
        zone = zones[(seed + number) % len(zones)]
        page.write(zone, (20, 48), turned=1.0 if zone.right == 160 else 0.05, faint=0.2)
    stored, inverse = STORED[seed % len(STORED)], bool(seed & 1)
    top = (1 << stored) - 1
    # The detector's range is rarely used up.
    values = (0.05 + 0.85 * page.picture[..., 0]) * top
    values = (top - values if inverse else values).round().astype(np.uint16)
    photometric = f"MONOCHROME{1 if inverse else 2}"
    made = image(DigitalXRayImageStorageForPresentation, "DX", values[None, ..., None], photometric, stored)
    made.PresentationIntentType, made.BodyPartExamined = "FOR PRESENTATION", "CHEST"
    if seed % 3:
        made.WindowCenter, made.WindowWidth = round(top * (0.55 if inverse else 0.45)), round(top * 0.8)
    return BurnedIn(made, tuple(line for line in page.lines if len(line.text) > 1))


def _chest(chance: np.random.Generator, rows: int, columns: int) -> Plane:
    """Bone is bright; 0 to 1."""
    y, x = np.mgrid[:rows, :columns].astype(np.float64)
    v, u = y / rows, x / columns * 2 - 1
    shown = 0.25 + 0.35 * soft(np.abs(u) - 0.85 + 0.2 * np.cos(v * 4), 0.03)
    for side in (-1, 1):
        lung = np.hypot((u - side * 0.42) / 0.31, (v - 0.47) / chance.uniform(0.3, 0.36))
        shown -= 0.3 * soft(lung - 1, 0.08)
    shown += 0.25 * soft(np.hypot((u - 0.12) / 0.3, (v - 0.6) / 0.2) - 1, 0.12)
    shown += 0.18 * soft(np.abs(u) - 0.1, 0.03)
    for number in range(9):
        arc = v - 0.14 - 0.075 * number - 0.12 * np.abs(u) ** 1.5 * chance.uniform(0.8, 1.2)
        shown += 0.07 * soft(np.abs(arc) - 0.011, 0.003) * soft(np.abs(u) - 0.72, 0.02)
    shown += 0.025 * clouds(chance, rows, columns, 1.6) + chance.normal(0, 0.004, (rows, columns))
    if chance.random() < 0.7:
        edge = chance.uniform(0.02, 0.06, 4)
        beam = (v > edge[0]) & (v < 1 - edge[1]) & (u > edge[2] * 2 - 1) & (u < 1 - edge[3] * 2)
        shown = np.where(beam, shown, 0.02 if chance.random() < 0.7 else 0.97)
    return shown.clip(0, 1)
