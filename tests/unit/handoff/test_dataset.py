"""Where a data set begins (PS3.10 7.1)."""

import io
import struct
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.filewriter import dcmwrite

from handoff.shipments.dataset import dataset_offset


def head(elements: bytes) -> bytes:
    return bytes(128) + b"DICM" + elements


def test_the_data_set_of_a_real_file_begins_where_pydicom_says():
    content = Path(get_testdata_file("CT_small.dcm")).read_bytes()
    offset = dataset_offset(content)
    group, _ = struct.unpack_from("<HH", content, offset)
    assert group == 0x0008
    assert pydicom.dcmread(io.BytesIO(content)).file_meta.FileMetaInformationGroupLength == offset - 132 - 12


def test_a_wrong_group_length_does_not_move_the_begin():
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    stream = io.BytesIO()
    dcmwrite(stream, dataset)
    content = bytearray(stream.getvalue())
    before = dataset_offset(bytes(content))
    struct.pack_into("<L", content, 132 + 8, 4)
    assert dataset_offset(bytes(content)) == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        bytes(131),
        bytes(128) + b"DICX" + bytes(100),
        head(struct.pack("<HH2sH", 2, 0x10, b"UI", 60000) + b"1.2"),
        head(struct.pack("<HH2sHL", 2, 1, b"OB", 0, 0xFFFFFFFF) + bytes(50)),
        head(b"\x02\x00"),
    ],
)
def test_what_is_no_part_10_file_has_no_data_set(content):
    assert dataset_offset(content) is None
