"""What is written, and its letters: names, numbers and dates in the fonts of screens, devices and plotters."""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Font = Literal["sans", "bitmap", "rounded"]
"""`sans`: smooth letters of a screen; `bitmap`: letters of 11 rows, doubled for larger ones, as consoles draw them;
`rounded`: smooth letters with round ends."""

FONTS: tuple[Font, ...] = get_args(Font)

_FAMILIES = (
    "HOLZMANN", "Ueberweiser", "MÜLLER", "Ødegaard", "O'Brien", "SANTOS-LIMA", "Nguyen", "PETROVA", "Li", "McAllister",
    "GARCÍA", "Wieczorek",
)  # fmt: skip
_GIVEN = (
    "KLOTHILDE", "Urs", "Mary-Ann", "JOSÉ", "Ingeborg", "THI", "Anna-Lena", "Zoë", "MAXIMILIAN", "Ada", "Søren",
    "PRIYA",
)  # fmt: skip
_PLACES = ("ANYWHERE GENERAL", "St. Elsewhere Hospital", "Radiology West", "Room 12", "Klinik am Ring")
_BITMAP_ROWS = 11


def line(chance: np.random.Generator) -> str:
    """A line that names or dates a patient, a visit or a place."""
    family, given = (str(chance.choice(names)) for names in (_FAMILIES, _GIVEN))
    number = int(chance.integers(10_000, 99_999_999))
    day, month, year = int(chance.integers(1, 29)), int(chance.integers(1, 13)), int(chance.integers(1931, 2024))
    hour, minute = int(chance.integers(24)), int(chance.integers(60))
    written = (
        f"{family}, {given}", f"{family}^{given}", f"Dr. {given} {family}", f"MRN {number}", f"ID: {number}",
        f"Acc {chr(65 + number % 26)}{number}", f"DOB {day:02}.{month:02}.{year}", f"*{day:02}/{month:02}/{year}",
        f"{year}-{month:02}-{day:02} {hour:02}:{minute:02}", f"{year}{month:02}{day:02}", str(chance.choice(_PLACES)),
        f"{family} {chance.choice(('F', 'M'))} {number % 99:03}Y",
    )  # fmt: skip
    return written[int(chance.integers(len(written)))]


def letters(text: str, font: Font, height: int) -> NDArray[np.float64]:
    """How much of each pixel is ink, 0 to 1, cut to the ink; `height` is that of a line in pixels, about."""
    drawn = {"sans": _sans, "bitmap": _bitmap, "rounded": _rounded}[font](text, height)
    rows, columns = np.nonzero(drawn > 0.2)
    return drawn[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def _sans(text: str, height: int) -> NDArray[np.float64]:
    page = Image.new("L", (height * (len(text) + 2), height * 3))
    ImageDraw.Draw(page).text((height, height // 2), text, fill=255, font=ImageFont.load_default(height))
    return np.asarray(page, dtype=np.float64) / 255


def _bitmap(text: str, height: int) -> NDArray[np.float64]:
    page = Image.new("L", (8 * (len(text) + 2), 2 * _BITMAP_ROWS))
    ImageDraw.Draw(page).text((4, 4), text, fill=255, font=ImageFont.load_default_imagefont())
    times = max(1, round(height / _BITMAP_ROWS))
    return np.kron(np.asarray(page, dtype=np.float64) / 255, np.ones((times, times)))


def _rounded(text: str, height: int) -> NDArray[np.float64]:
    import cv2

    plain = text.encode("ascii", "replace").decode()
    page = np.zeros((height * 3, height * (len(plain) + 2)), np.uint8)
    width = max(1, height // 14)
    # Letters of this font are 21 units high.
    cv2.putText(page, plain, (height, height * 2), cv2.FONT_HERSHEY_SIMPLEX, height / 28, 255, width, cv2.LINE_AA)
    return page.astype(np.float64) / 255
