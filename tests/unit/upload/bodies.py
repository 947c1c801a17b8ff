"""Bodies of uploads, and Part 10 files to put into them."""

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

from tests.builders import ct_slice

BOUNDARY = "----=_Part_1.2"
RELATED = f'multipart/related; type="application/dicom"; boundary="{BOUNDARY}"'


def part10(dataset: Dataset | None = None) -> bytes:
    """A CT slice, or another data set, as a file."""
    file = io.BytesIO()
    (dataset or ct_slice(rows=8)).save_as(file, enforce_file_format=True)
    return file.getvalue()


def related(files: Iterable[bytes], boundary: str = BOUNDARY) -> bytes:
    """A multipart/related body as PS3.18 8.6.1.2 has it."""
    head = b"\r\n--" + boundary.encode() + b"\r\nContent-Type: application/dicom\r\n\r\n"
    return b"".join(head + file for file in files) + b"\r\n--" + boundary.encode() + b"--\r\n"


@dataclass
class Kept:
    """Takes parts as they come, and keeps those that were whole."""

    whole: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    _fields: dict[str, str] = field(default_factory=dict)
    _content: bytearray | None = None

    def begin(self, fields: Mapping[str, str]) -> None:
        assert self._content is None, "a part begins within another"
        self._fields, self._content = dict(fields), bytearray()

    def take(self, piece: memoryview) -> None:
        assert self._content is not None, "content without a part"
        assert len(piece)
        self._content += piece

    def end(self) -> None:
        assert self._content is not None
        self.whole.append((self._fields, bytes(self._content)))
        self._content = None
