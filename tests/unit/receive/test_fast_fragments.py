"""The same message, however it is cut, is the same message: our parser against pynetdicom's decoder (PS3.8 annex E)."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import CTImageStorage
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.pdu import P_DATA_TF

from processors.dicom.fast.command import Command
from processors.dicom.fast.messages import Messages
from processors.dicom.fast.pdu import HEADER
from processors.dicom.fast.pdv import read_p_data
from processors.dicom.fast.wire import Wire
from tests.unit.receive.raw_peer import CT, Remembers, Told, command, pdu, pdv

SYNTAX = "1.2.840.10008.1.2.1"
Fragment = tuple[int, bytes]
"""Control byte and content."""


class Trickle:
    """A socket on which a message comes in chunks of given sizes, one a read; the last size repeats."""

    family = 0

    def __init__(self, content: bytes, sizes: Sequence[int]) -> None:
        self._rest = memoryview(content)
        self._sizes = list(sizes)

    def recv_into(self, buffer: memoryview) -> int:
        size = min(self._sizes.pop(0) if len(self._sizes) > 1 else self._sizes[0], len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def settimeout(self, seconds: float) -> None:
        pass

    @property
    def is_empty(self) -> bool:
        return not self._rest


@dataclass
class Parsed:
    """What came of a message."""

    uid: str
    syntax: str
    content: bytes
    answers: list[tuple[int, int, int]]


def ours(content: bytes, sizes: Sequence[int], buffer_bytes: int) -> Parsed:
    receiver = Remembers()
    answers: list[tuple[int, int, int]] = []

    def answer(request: Command, status: int, context: int) -> None:
        answers.append((request.message_id, status, context))

    messages = Messages({CT: SYNTAX}, Told(receiver), answer)
    trickle = Trickle(content, sizes)
    wire = Wire(trickle, messages.flush, lambda: None, buffer_bytes)  # type: ignore[arg-type]
    while not answers:
        _, length = HEADER.unpack(wire.need(HEADER.size))
        read_p_data(wire, length, messages)
    assert trickle.is_empty
    [one] = receiver.objects
    assert one.end == "finished"
    return Parsed(one.command.sop_instance_uid, one.command.transfer_syntax_uid, bytes(one.content), answers)


def pynetdicoms(pdus: Sequence[bytes]) -> tuple[str, bytes]:
    message = C_STORE_RQ()
    for each in pdus:
        decoded = P_DATA_TF()
        decoded.decode(each)
        if message.decode_msg(decoded.to_primitive()):
            return str(message.command_set.AffectedSOPInstanceUID), message.data_set.getvalue()
    raise AssertionError("pynetdicom misses something")


@st.composite
def fragmented(draw: st.DrawFn, content: bytes, kind: int) -> list[Fragment]:
    """`content` cut anywhere, with empty fragments too; the last one may be empty and is marked so."""
    cuts = sorted(draw(st.lists(st.integers(0, len(content)), max_size=6)))
    pieces = [content[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    reserved = draw(st.sampled_from([0, 0xFC, 0x80]))  # only the two lowest bits are significant (PS3.8 E.2)
    last = len(pieces) - 1
    return [(reserved | kind | (2 if number == last else 0), piece) for number, piece in enumerate(pieces)]


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A data set, and the PDUs of a C-STORE of it: any number of values in each."""
    content = draw(st.binary(max_size=300))
    fragments = draw(fragmented(command(1, data=True), 1)) + draw(fragmented(content, 0))
    values = [pdv(CT, control, piece) for control, piece in fragments]
    ends = sorted(draw(st.sets(st.integers(1, len(values) - 1), max_size=8)))
    pdus = [pdu(4, b"".join(values[begin:end])) for begin, end in zip([0, *ends], [*ends, len(values)], strict=True)]
    return content, pdus


@settings(max_examples=500, deadline=None)
@given(
    message=messages(),
    sizes=st.lists(st.integers(1, 80), min_size=1, max_size=12),
    buffer_bytes=st.sampled_from([12, 13, 17, 64, 131072]),
)
def test_any_mix_of_fragments_is_what_pynetdicom_makes_of_it(
    message: tuple[bytes, list[bytes]], sizes: list[int], buffer_bytes: int
) -> None:
    content, pdus = message
    parsed = ours(b"".join(pdus), sizes, buffer_bytes)
    assert (parsed.uid, parsed.content) == pynetdicoms(pdus)
    assert parsed == Parsed("1.2.3", SYNTAX, content, [(7, 0, CT)])


def test_a_message_cut_at_every_boundary_is_the_same_message() -> None:
    content = bytes(range(60))
    whole = pdu(4, pdv(CT, 3, command(1, data=True)) + pdv(CT, 0, content[:20])) + pdu(4, pdv(CT, 2, content[20:]))
    expected = Parsed("1.2.3", SYNTAX, content, [(7, 0, CT)])
    for cut in range(1, len(whole)):
        assert ours(whole, [cut, len(whole)], 131072) == expected
    assert ours(whole, [1], 12) == expected


def test_a_thousand_tiny_fragments_in_one_buffer_are_written_in_order() -> None:
    content = bytes(number % 251 for number in range(1000))
    values = b"".join(pdv(CT, 0, bytes([each])) for each in content) + pdv(CT, 2, b"")
    whole = pdu(4, pdv(CT, 3, command(1, data=True))) + pdu(4, values)
    assert ours(whole, [131072], 131072).content == content


@pytest.mark.parametrize("data", [False, True], ids=["no data set", "an empty data set"])
def test_a_store_without_content_is_answered(data: bool) -> None:
    values = pdv(CT, 3, command(1, data=data, sop_class=str(CTImageStorage))) + (pdv(CT, 2, b"") if data else b"")
    assert ours(pdu(4, values), [4096], 4096) == Parsed("1.2.3", SYNTAX, b"", [(7, 0, CT)])
