"""What precedes the data set in a Part 10 file (PS3.10 7.1), read in whatever pieces it comes."""

import io
import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from processors.dicom.part10 import data_set_offset, file_head
from processors.dicom.upload.errors import NotPart10Error
from processors.dicom.upload.file_meta import MAXIMUM_BYTES, FileMeta
from tests.builders import ct_slice
from tests.unit.upload.bodies import part10

PREAMBLE = bytes(128) + b"DICM"
IDENTIFIERS = (str(CTImageStorage), "1.2.3", str(ExplicitVRLittleEndian))


def feed(content: bytes, cuts: list[int]) -> tuple[FileMeta, bytes]:
    """The meta, and what it says is data set, as far as it is read."""
    meta, rest = FileMeta(), bytearray()
    edges = [0, *sorted(cuts), len(content)]
    for begin, end in itertools.pairwise(edges):
        piece = memoryview(content)[begin:end]
        for each in [piece] if meta.is_whole else meta.feed(piece):
            rest += each
    return meta, bytes(rest)


def identifiers(meta: FileMeta) -> tuple[str, str, str]:
    return meta.sop_class_uid, meta.sop_instance_uid, meta.transfer_syntax_uid


def with_private_information() -> Dataset:
    dataset = ct_slice(rows=2)
    dataset.file_meta.PrivateInformationCreatorUID = "1.2"
    dataset.file_meta.PrivateInformation = b"\2\0" * 20
    return dataset


SLICE = with_private_information()
FILE = part10(SLICE)


@given(cuts=st.lists(st.integers(0, len(FILE)), max_size=8))
def test_a_file_of_pydicom_cut_into_any_pieces_gives_its_identifiers_and_its_data_set(cuts: list[int]) -> None:
    meta, rest = feed(FILE, cuts)
    assert identifiers(meta) == (SLICE.SOPClassUID, SLICE.SOPInstanceUID, SLICE.file_meta.TransferSyntaxUID)
    assert rest == FILE[data_set_offset(FILE) :]


def test_a_file_cut_at_every_byte_gives_the_same() -> None:
    content = file_head(*IDENTIFIERS) + b"\x08\0\x16\0the data set"
    for cut in range(len(content)):
        meta, rest = feed(content, [cut])
        assert (identifiers(meta), rest) == (IDENTIFIERS, b"\x08\0\x16\0the data set")
    assert feed(content, list(range(len(content))))[1] == b"\x08\0\x16\0the data set"


def test_without_a_group_length_it_ends_before_another_group() -> None:
    head = file_head(*IDENTIFIERS)
    content = head[:132] + head[144:] + b"\x08\0\x16\0UI\0\0"
    meta, rest = feed(content, list(range(len(content))))
    assert (identifiers(meta), rest) == (IDENTIFIERS, b"\x08\0\x16\0UI\0\0")


def test_with_a_group_length_a_data_set_may_begin_as_file_meta_does() -> None:
    """A deflated one can (PS3.5 A.5)."""
    deflated = b"\2\0\x10\0UI\x01\0x"
    meta, rest = feed(file_head(*IDENTIFIERS) + deflated, [])
    assert (identifiers(meta), rest) == (IDENTIFIERS, deflated)


def group_length(value: int) -> bytes:
    return struct.pack("<HH2sHI", 2, 0, b"UL", 4, value)


@pytest.mark.parametrize(
    "content",
    [
        b"\0" * 128 + b"dicm" + b"\0" * 100,
        b"GIF89a" * 100,
        PREAMBLE + b"\x08\0\x16\0UI\x02\x001\0" + bytes(200),
        PREAMBLE + group_length(10) + b"\2\0\2\0UI\x04\x001.2\0" + bytes(200),
        PREAMBLE + group_length(400) + b"\2\0\2\0UI\x04\x001.2\0" + b"\x08\0\x16\0UI\0\0" + bytes(500),
        PREAMBLE + b"\2\0\2\0\1\2\x04\x001.2\0" + bytes(200),
        PREAMBLE + b"\2\0\1\0OB\0\0\xff\xff\xff\xff" + bytes(200),
        PREAMBLE + b"".join(b"\2\0\x02\x01OB\0\0" + struct.pack("<I", 60000) + bytes(60000) for _ in range(2)),
        PREAMBLE + b"\2\0\2\0UI\0\0" * (MAXIMUM_BYTES // 8),
    ],
    ids=["prefix", "picture", "no-meta", "length-inside", "length-beyond", "no-vr", "undefined", "huge", "endless"],
)
def test_what_is_no_part_10_file_is_refused_before_much_of_it_is_held(content: bytes) -> None:
    for cuts in ([], list(range(0, len(content), 1000))):
        with pytest.raises(NotPart10Error):
            feed(content, cuts)


def test_a_file_that_ends_within_its_head_is_not_whole() -> None:
    content = io.BytesIO(file_head(*IDENTIFIERS)).read()
    for end in range(len(content)):
        assert not feed(content[:end], [])[0].is_whole
