"""Made-up ultrasound, captures and radiographs with lines of text burned in, and the box of each line.

The same seed gives the same image. Textures are hard on purpose: speckle inside a fan, menus and tables of a screen,
noise and edges of a radiograph; letters come dark and bright, small and large, on plain and on textured ground.
"""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
)

from processors.deid.burned_in import Box

STUDY = "1.2.840.99999.7"
LINES = (
    "HOLZMANN, KLOTHILDE", "MRN-4711", "DOB 03.02.1951", "2024-05-06 07:09", "ANYWHERE GENERAL", "Acc: ACC-4712",
    "Dr. Urs Ueberweiser", "F 073Y", "ID 8812-443", "Station WS-12",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BurnedIn:
    """A dataset, the text of each line in it, and the box of its ink."""

    dataset: Dataset
    texts: tuple[str, ...]
    boxes: tuple[Box, ...]

    @property
    def part10(self) -> bytes:
        """The file."""
        file = io.BytesIO()
        self.dataset.save_as(file, enforce_file_format=True)
        return file.getvalue()


def ultrasound(seed: int, *, lines: int = 3, frames: int = 1) -> BurnedIn:
    """RGB, 800 x 600: a fan of speckle, its calibrated region, lines above it and beside it."""
    chance = np.random.default_rng(seed)
    rows, columns = 600, 800
    y, x = np.mgrid[:rows, :columns]
    radius, angle = np.hypot(y - 60, x - 400), np.arctan2(x - 400, y - 60)
    fan = (radius > 40) & (radius < 470) & (np.abs(angle) < 0.6) & (y > 90)
    grey = np.where(fan, chance.gamma(2.0, 28.0, (rows, columns)), 0).clip(0, 255)
    places = ((8, 6), (520, 8), (10, 44), (560, 46), (8, 300), (8, 560), (560, 564))
    drawn = _draw(grey, chance, places, lines, sizes=(14, 22), bright=0.95)
    shown = np.repeat(drawn.picture[..., None], 3, axis=2).astype(np.uint8)
    made = _image(UltrasoundImageStorage, "US", np.stack([shown] * frames), "RGB", 8)
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = 1, 1, 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 130, 90
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 670, 540
    made.SequenceOfUltrasoundRegions = [region]
    return BurnedIn(made, drawn.texts, drawn.boxes)


def capture(seed: int, *, lines: int = 3) -> BurnedIn:
    """Grey, 1024 x 768: a screen with a light menu, a table and an image; lines in each of them."""
    chance = np.random.default_rng(seed)
    picture = np.full((768, 1024), 40.0)
    picture[:80] = 205
    picture[100:700, 20:500] = chance.normal(110, 25, (600, 480)).clip(0, 255)
    for row in range(140, 700, 40):
        picture[row, 540:1000] = 120
    places = ((16, 12), (420, 20), (760, 40), (550, 150), (550, 310), (760, 470), (40, 130), (40, 640))
    drawn = _draw(picture, chance, places, lines, sizes=(15, 24), bright=0.9)
    made = _image(SecondaryCaptureImageStorage, "OT", drawn.picture.astype(np.uint8)[None, ..., None], "MONOCHROME2", 8)
    made.ConversionType = "WSD"
    return BurnedIn(made, drawn.texts, drawn.boxes)


def radiograph(seed: int, *, lines: int = 3, columns: int = 1500, rows: int = 1800) -> BurnedIn:
    """Twelve bits: soft shapes, edges and noise, lines near the borders; every other one is MONOCHROME1."""
    chance = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns]
    body = 1700 * np.exp(-((x / columns - 0.5) ** 2) * 6) * (0.6 + 0.4 * np.cos(y / rows * 5))
    ribs = 260 * (np.sin(y / 46 + (x / columns - 0.5) ** 2 * 12) > 0.4)
    picture = (300 + body + ribs + chance.normal(0, 90, (rows, columns))).clip(0, 4095)
    edge = columns - 420
    places = ((30, 30), (edge, 40), (40, rows - 90), (edge, rows - 100), (30, rows // 2), (edge, 130), (60, 140))
    drawn = _draw(picture, chance, places, lines, sizes=(26, 44), bright=1.0, top=4095)
    inverse = bool(seed & 1)
    values = (4095 - drawn.picture if inverse else drawn.picture).astype(np.uint16)
    made = _image(
        DigitalXRayImageStorageForPresentation, "DX", values[None, ..., None], f"MONOCHROME{1 if inverse else 2}", 12
    )
    made.PresentationIntentType, made.BurnedInAnnotation = "FOR PRESENTATION", "YES"
    made.WindowCenter, made.WindowWidth = (2300 if inverse else 1800), 3000
    return BurnedIn(made, drawn.texts, drawn.boxes)


KINDS = {"ultrasound": ultrasound, "capture": capture, "radiograph": radiograph}


@dataclass(frozen=True, slots=True)
class _Drawn:
    picture: np.ndarray
    texts: tuple[str, ...]
    boxes: tuple[Box, ...]


def _draw(picture, chance, places, lines: int, *, sizes, bright: float, top: int = 255) -> _Drawn:
    """Draw lines at places of choice, bright on dark ground and dark on bright ground."""
    chosen = chance.permutation(len(places))[:lines]
    texts, boxes = [], []
    out = picture.copy()
    for place in chosen:
        text = LINES[int(chance.integers(len(LINES)))]
        ink, box = _ink(picture.shape, places[place], text, int(chance.integers(*sizes)))
        ground = picture[box.top : box.bottom, box.left : box.right].mean() / top
        out = out * (1 - ink) + ink * top * (bright if ground < 0.6 else 1 - bright)
        texts.append(text)
        boxes.append(box)
    return _Drawn(out, tuple(texts), tuple(boxes))


def _ink(shape: tuple[int, int], at: tuple[int, int], text: str, size: int) -> tuple[np.ndarray, Box]:
    """How much of each pixel is ink, 0 to 1, and the box around it."""
    page = Image.new("L", (shape[1], shape[0]))
    ImageDraw.Draw(page).text(at, text, fill=255, font=ImageFont.load_default(size))
    left, upper, right, lower = page.getbbox()
    return np.asarray(page, dtype=np.float64) / 255, Box(left, upper, right, lower)


def _image(sop_class: str, modality: str, values: np.ndarray, photometric: str, stored: int) -> Dataset:
    """The dataset around pixels of shape (frames, rows, columns, samples)."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = sop_class, f"{STUDY}.1.1"
    made.StudyInstanceUID, made.SeriesInstanceUID = STUDY, f"{STUDY}.1"
    made.Modality, made.PatientID, made.PatientName = modality, "MRN-4711", "Holzmann^Klothilde"
    made.ImageType = ["ORIGINAL", "PRIMARY"]
    made.NumberOfFrames, made.Rows, made.Columns, made.SamplesPerPixel = values.shape
    if made.NumberOfFrames == 1:
        del made.NumberOfFrames
    if made.SamplesPerPixel == 3:
        made.PlanarConfiguration = 0
    made.PhotometricInterpretation, made.PixelRepresentation = photometric, 0
    made.BitsAllocated, made.BitsStored, made.HighBit = values.dtype.itemsize * 8, stored, stored - 1
    made.PixelData = values.tobytes()
    made["PixelData"].VR = "OW"
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return made
