"""Multipart bodies (RFC 2046 5.1) give the same parts however the network cuts them."""

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from processors.dicom.upload.errors import RequestError
from processors.dicom.upload.multipart import MAXIMUM_HEAD_BYTES, MultipartReader
from tests.unit.upload.bodies import Kept

BOUNDARY = "b"
LOOKS_ALIKE = [b"\r\n--b", b"\r\n--", b"\r", b"\n", b"--b--", b"\r\n-", b"\r\n--bb", b"\r\n--b-", b"\r\n--b \r", b"x"]


def read(body: bytes, cuts: list[int], boundary: str = BOUNDARY) -> Kept:
    kept = Kept()
    reader = MultipartReader(boundary, kept)
    edges = [0, *sorted(cuts), len(body)]
    for begin, end in itertools.pairwise(edges):
        reader.feed(memoryview(body)[begin:end])
    reader.finish()
    return kept


def contents(kept: Kept) -> list[bytes]:
    return [content for _, content in kept.whole]


def delimited(parts: list[bytes], *, preamble: bytes = b"", blanks: bytes = b"", epilogue: bytes = b"\r\n") -> bytes:
    body = b"".join(b"\r\n--b" + blanks + b"\r\nContent-Type: application/dicom\r\n\r\n" + part for part in parts)
    return preamble + (body if preamble else body.removeprefix(b"\r\n")) + b"\r\n--b--" + epilogue


def ends_no_line(part: bytes) -> bytes:
    """What cannot be mistaken for a delimiter by what it stands before, and holds none itself."""
    found = part
    for mark in (b"\r\n--b\r\n", b"\r\n--b--", b"\r\n--b \r\n"):
        while mark in found:
            found = found.replace(mark, b"")
    return found + b"."


PARTS = st.lists(
    st.lists(st.sampled_from(LOOKS_ALIKE) | st.binary(max_size=8), max_size=8).map(lambda p: ends_no_line(b"".join(p))),
    min_size=1,
    max_size=4,
)


@given(parts=PARTS, data=st.data(), preamble=st.sampled_from([b"", b"to be ignored\r\n--a", b"\r\n"]))
@example(parts=[b"."], data=None, preamble=b"")
def test_a_body_cut_into_any_pieces_gives_its_parts(parts: list[bytes], data: st.DataObject, preamble: bytes) -> None:
    body = delimited(parts, preamble=preamble)
    cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=12)) if data else []
    assert contents(read(body, cuts)) == parts


@pytest.mark.parametrize("blanks", [b"", b" \t "], ids=["no-blanks", "blanks"])
def test_a_body_cut_once_at_every_place_and_into_single_bytes_gives_its_parts(blanks: bytes) -> None:
    parts = [b"\r\n--bx", b"", b"\r\n--bb\r\n-\r", b"\r\n--b x\r\n", b"\r\n--b-\r\n-"]
    body = delimited(parts, blanks=blanks, preamble=b"a\r\n-")
    for cut in range(len(body) + 1):
        assert contents(read(body, [cut])) == parts
    assert contents(read(body, list(range(len(body))))) == parts


def test_a_parts_fields_are_told_in_lower_case_and_it_may_have_none() -> None:
    kept = read(b"--b\r\nContent-Type: a/b; c=d\r\nX:  y \r\n\r\n1\r\n--b\r\n\r\n2\r\n--b--", [])
    assert kept.whole == [({"content-type": "a/b; c=d", "x": "y"}, b"1"), ({}, b"2")]


def test_what_follows_the_closing_delimiter_is_passed_over() -> None:
    assert contents(read(delimited([b"1"], epilogue=b"\r\n--b\r\n\r\nlate\r\n--b\r\n"), [])) == [b"1"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b",
        b"--b\r\n",
        b"--b\r\n\r\nhalf",
        b"--b\r\n\r\nwhole\r\n--b\r\n",
        b"--b\r\n\r\nwhole\r\n--b",
        b"no parts",
    ],
)
def test_a_body_without_its_closing_delimiter_is_no_whole_body(body: bytes) -> None:
    with pytest.raises(RequestError) as refused:
        read(body, [])
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "head",
    [
        b"X" * MAXIMUM_HEAD_BYTES,
        b"X: " + b"y" * MAXIMUM_HEAD_BYTES + b"\r\n\r\n",
        b"no colon\r\n\r\n",
        b"A : b\r\n\r\n",
        b"A: b\r\n folded\r\n\r\n",
        b"A: \0\r\n\r\n",
        b"".join(b"A: b\r\n" for _ in range(101)) + b"\r\n",
    ],
    ids=["endless", "long", "no-colon", "blank", "folded", "nul", "many"],
)
def test_a_parts_head_that_is_none_ends_the_request(head: bytes) -> None:
    with pytest.raises(RequestError) as refused:
        read(b"--b\r\n" + head + b"\r\n--b--", list(range(200)))
    assert refused.value.status == 400


@pytest.mark.parametrize("boundary", ["", "x" * 71, "ends with blank ", 'a"b', "a\r\nb", "ä"])
def test_a_boundary_that_rfc_2046_does_not_allow_is_none(boundary: str) -> None:
    with pytest.raises(RequestError):
        MultipartReader(boundary, Kept())


def test_what_is_held_back_between_pieces_is_no_more_than_a_delimiter_and_its_blanks() -> None:
    reader = MultipartReader(BOUNDARY, Kept())
    reader.feed(memoryview(b"--b\r\n\r\n"))
    for piece in [b"\r" * 5000, b"\r\n--b" + b" " * 5000, b"\r\n--b\tx" * 500, b"\r\n-" * 3000]:
        reader.feed(memoryview(piece))
        assert len(reader._held) < 100
