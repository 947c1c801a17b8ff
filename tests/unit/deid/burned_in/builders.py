"""Small images in every form that pixels come in, and a detector that knows where lines are."""

import io
from dataclasses import dataclass, field

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, UltrasoundMultiFrameImageStorage

from processors.deid.burned_in import Box, Cleaned, PixelCleaner, Signatures
from tests.burned_in_images import STUDY
from tests.standard.corpus import dataset

LINE = Box(3, 2, 9, 5)
ROWS, COLUMNS = 8, 12


@dataclass
class Knows:
    """Finds known lines wherever their pixels still differ; counts how often it looked."""

    lines: tuple[Box, ...] = (LINE,)
    name: str = "knows"
    looks: list[tuple[int, ...]] = field(default_factory=list)

    def find(self, picture) -> list[Box]:
        self.looks.append(picture.shape)
        areas = {line: picture[line.top : line.bottom, line.left : line.right] for line in self.lines}
        return [line for line, area in areas.items() if np.ptp(area, axis=(0, 1)).any()]


def image(
    photometric: str = "MONOCHROME2", *, allocated: int = 8, stored: int | None = None, frames: int = 1, **more
) -> Dataset:
    """An ultrasound of chance values; `signed=1`, `planar=1` and attributes by keyword as wanted."""
    signed, planar = more.pop("signed", 0), more.pop("planar", 0)
    stored = stored or allocated
    samples = 1 if photometric in ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR") else 3
    made = dataset(
        SOPClassUID=UltrasoundMultiFrameImageStorage, SOPInstanceUID=f"{STUDY}.1.1", StudyInstanceUID=STUDY,
        SeriesInstanceUID=f"{STUDY}.1", PatientID="MRN-4711", PatientName="Holzmann^Klothilde", Modality="US",
        ImageType=["ORIGINAL", "PRIMARY"], Rows=ROWS, Columns=COLUMNS, NumberOfFrames=frames, SamplesPerPixel=samples,
        PhotometricInterpretation=photometric, BitsAllocated=allocated, BitsStored=stored, HighBit=stored - 1,
        PixelRepresentation=signed,
    )  # fmt: skip
    if samples == 3:
        made.PlanarConfiguration = planar
    chance = np.random.default_rng(7)
    if allocated == 1:
        raw = np.packbits(chance.integers(0, 2, frames * ROWS * COLUMNS, "u1"), bitorder="little").tobytes()
    else:
        count = frames * ROWS * COLUMNS * (2 if photometric.endswith("422") else samples)
        low, high = (-(1 << (stored - 1)), 1 << (stored - 1)) if signed else (0, 1 << stored)
        # Neighbours are equal: of pure noise, an encoder makes more than it was given, and gives up.
        values = np.repeat(chance.integers(low + 1, high - 1, count // 2), 2)
        raw = values.astype(f"<{'i' if signed else 'u'}{allocated // 8}").tobytes()
    made.PixelData = raw + bytes(len(raw) & 1)
    made["PixelData"].VR = "OW" if allocated > 8 else "OB"
    for keyword, value in more.items():
        setattr(made, keyword, value)
    return made


def file_of(made: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """The Part 10 file; of big endian the pixels are turned too."""
    from pydicom.dataset import FileMetaDataset

    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian and made.BitsAllocated > 8:
        kind = f"u{made.BitsAllocated // 8}"
        made.PixelData = np.frombuffer(made.PixelData, f"<{kind}").astype(f">{kind}").tobytes()
    file = io.BytesIO()
    made.save_as(file, enforce_file_format=True)
    return file.getvalue()


def compressed(made: Dataset, syntax: str) -> bytes:
    """The file with every frame encoded."""
    encoder = get_encoder(syntax)
    options = {
        "rows": ROWS, "columns": COLUMNS, "samples_per_pixel": made.SamplesPerPixel, "number_of_frames": 1,
        "bits_allocated": made.BitsAllocated, "bits_stored": made.BitsStored, "planar_configuration": 0,
        "pixel_representation": made.PixelRepresentation, "photometric_interpretation": made.PhotometricInterpretation,
    }  # fmt: skip
    frames = made.NumberOfFrames
    size = len(made.PixelData) // frames
    raw = [made.PixelData[at * size : (at + 1) * size] for at in range(frames)]
    made.PixelData = encapsulate([encoder.encode(frame, **options) for frame in raw])
    made["PixelData"].VR, made["PixelData"].is_undefined_length = "OB", True
    return file_of(made, syntax)


def cleaned(file: bytes, *, detector=None, signatures: Signatures | None = None) -> Cleaned:
    """The cleaned image; fails when it is quarantined."""
    result = PixelCleaner(detector or Knows(), signatures).clean(file)
    assert isinstance(result, Cleaned), result
    return result


def read(file: bytes) -> Dataset:
    return dcmread(io.BytesIO(file))


def shown(made: Dataset) -> np.ndarray:
    """Pixels as pydicom decodes them, without a colour transformation: (frames, rows, columns, samples)."""
    from pydicom.pixels import pixel_array

    array = pixel_array(made, raw=True)
    return array.reshape(made.get("NumberOfFrames") or 1, ROWS, COLUMNS, -1)


def inside(box: Box = LINE) -> np.ndarray:
    """Which pixels are in a box."""
    made = np.zeros((ROWS, COLUMNS), bool)
    made[box.top : box.bottom, box.left : box.right] = True
    return made
