"""Values of a data set and of one sequence's items, in one pass (PS3.5 section 7)."""

import struct

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from processors.dicom.elements import Encoding, encoding_of
from processors.dicom.errors import DataSetError
from processors.dicom.items import values

SYNTAXES = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"]
SEQUENCE, UID, TOP = 0x00081199, 0x00081155, 0x00081195
IMPLICIT = Encoding(explicit_vr=False)


def whole(undefined: bool) -> Dataset:
    """Two items; before the value that is sought there is a nested sequence with the same tags."""
    inner = Dataset()
    inner.ReferencedSOPInstanceUID = "1.9.9"
    items = []
    for uid in ("1.1", "1.22"):
        item = Dataset()
        item.ReferencedSOPSequence = [inner]
        item[SEQUENCE].is_undefined_length = undefined
        item.ReferencedSOPInstanceUID = uid
        item.is_undefined_length_sequence_item = undefined
        items.append(item)
    found = Dataset()
    found.TransactionUID = "1.2.3"
    found.ReferencedSOPSequence = items
    found[SEQUENCE].is_undefined_length = undefined
    found.PatientName = "not sought"
    return found


def encoded(data_set: Dataset, syntax: str) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = syntax == SYNTAXES[0], syntax != SYNTAXES[2]
    write_dataset(buffer, data_set)
    return buffer.getvalue()


@pytest.mark.parametrize("undefined", [False, True], ids=["lengths", "delimiters"])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_each_item_has_its_own_values_and_none_of_what_is_nested_in_it(syntax: str, undefined: bool) -> None:
    found = values(encoded(whole(undefined), syntax), encoding_of(syntax), SEQUENCE, {UID, TOP})
    assert found.top == {TOP: b"1.2.3\0"}
    assert [item[UID].rstrip(b"\0") for item in found.items] == [b"1.1", b"1.22"]


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_what_is_cut_anywhere_is_read_as_less_or_refused_but_never_wrongly(syntax: str) -> None:
    content = encoded(whole(undefined=True), syntax)
    for end in range(len(content)):
        try:
            found = values(content[:end], encoding_of(syntax), SEQUENCE, {UID, TOP})
        except DataSetError:
            continue
        assert {item[UID].rstrip(b"\0") for item in found.items} <= {b"1.1", b"1.22"}


def test_what_nests_without_an_end_is_refused_and_costs_no_recursion() -> None:
    level = struct.pack("<HHI", 0x0008, 0x1199, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    with pytest.raises(DataSetError):
        values(level * 5000, IMPLICIT, SEQUENCE, {UID})


@pytest.mark.parametrize(
    "content",
    [
        struct.pack("<HHI", 0x0008, 0x1199, 8) + struct.pack("<HHI", 0xFFFE, 0xE000, 100) + bytes(100),
        struct.pack("<HHI", 0x0008, 0x1199, 0xFFFFFFF0),
        struct.pack("<HHI", 0x0008, 0x1155, 100) + b"1.2",
        struct.pack("<HHI", 0x0008, 0x1199, 0xFFFFFFFF) + struct.pack("<HHI", 0x0008, 0x1155, 0),
    ],
    ids=["item-beyond-sequence", "sequence-beyond-end", "value-beyond-end", "no-item"],
)
def test_lengths_that_lie_are_refused(content: bytes) -> None:
    with pytest.raises(DataSetError):
        values(content, IMPLICIT, SEQUENCE, {UID})
