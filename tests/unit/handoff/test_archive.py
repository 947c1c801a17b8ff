"""The directory of a package is looked at before it is believed."""

import io
import struct

import pytest

from handoff.errors import PackageError
from handoff.shipments.archive import read_members
from tests.integration.handoff.packages import make_zip

MANY = 5_000
ENTRY = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, *[0] * 14)
LOCAL = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, *[0] * 9)


def code_of(body: bytes, most: int = 10) -> str:
    with pytest.raises(PackageError) as error:
        read_members(io.BytesIO(body), len(body), most)
    return error.value.code


def with_long_end(count: int, told_at: int | None = None) -> bytes:
    """A ZIP64 of nothing but directory, whose short end record tells of one member."""
    directory = ENTRY * MANY
    at = len(LOCAL) + len(directory)
    long_end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, len(directory), len(LOCAL))
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at if told_at is None else told_at, 1)
    short_end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(ENTRY), len(LOCAL), 0)
    return LOCAL + directory + long_end + locator + short_end


@pytest.mark.parametrize("count", [1, MANY])
def test_a_huge_directory_is_refused_unread_whatever_the_short_record_says(monkeypatch, count):
    def read(_):
        raise AssertionError

    monkeypatch.setattr("zipfile.ZipFile", read)
    assert code_of(with_long_end(count)) == "zip-members"


def test_a_second_long_record_elsewhere_is_not_looked_at():
    assert code_of(with_long_end(MANY, told_at=0)) == "zip-invalid"


def test_a_name_that_goes_on_behind_a_nul_is_another_name():
    body = make_zip({"instances/1.2.dcmXhidden": b"x"}).replace(b"dcmXhidden", b"dcm\0hidden")
    assert set(read_members(io.BytesIO(body), len(body), 10)) == {"instances/1.2.dcm\0hidden"}
