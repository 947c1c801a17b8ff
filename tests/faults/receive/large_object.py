"""An object of any size, valid as far as a receiver looks."""

from pathlib import Path

from pydicom import dcmread

from tests.builders import write_ct_series


def write_large_object(file: Path, pixel_bytes: int) -> Path:
    """A CT slice with so many bytes of pixels."""
    [slice_file] = write_ct_series(file.parent / f"{file.stem}-slice", slices=1)
    dataset = dcmread(slice_file)
    dataset.PixelData = bytes(pixel_bytes)
    dataset.save_as(file)
    return file
