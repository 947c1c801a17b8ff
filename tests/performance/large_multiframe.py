"""Enhanced CT of any size, written frame by frame so that a test needs no memory of that size."""

import io
from pathlib import Path

import numpy as np
from pydicom.uid import EnhancedCTImageStorage

from tests.performance.ct_series import slice_of


def write(file: Path, megabytes: int, *, rows: int = 500) -> int:
    """Write a multi-frame whose pixels have as many megabytes (10^6 bytes); frames of `rows` x `rows` words."""
    made = slice_of(1, rows=rows)
    frame = made.PixelData
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = EnhancedCTImageStorage
    made.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    made.BurnedInAnnotation = "NO"
    frames = megabytes * 1_000_000 // len(frame)
    made.NumberOfFrames = frames
    head = io.BytesIO()
    made.save_as(head, enforce_file_format=True)
    content = head.getvalue()[: -len(frame)]
    noise = np.frombuffer(frame, "<i2")
    with file.open("wb") as out:
        out.write(content[:-4] + (frames * len(frame)).to_bytes(4, "little"))
        for number in range(frames):
            out.write(np.roll(noise, number).tobytes())
    return frames * len(frame)
