"""Each state of an acceptor with each PDU (PS3.8 9.2), against pynetdicom's table and on a connection."""

import pytest
from pynetdicom.fsm import TRANSITION_TABLE

from processors.dicom.admission import Rejection
from processors.dicom.fast.association import Timers
from processors.dicom.fast.pdu import (
    ABORT,
    ASSOCIATE_AC,
    ASSOCIATE_RJ,
    ASSOCIATE_RQ,
    MAXIMUM_PDU_BYTES,
    P_DATA_TF,
    RELEASE_RP,
    RELEASE_RQ,
    UNRECOGNIZED,
)
from processors.dicom.fast.states import TRANSITIONS, State
from tests.unit.receive.raw_peer import CT, ECHO, RawPeer, command, echo, pdu, pdv, request, store
from tests.waiting import wait_for

EVENTS = {
    ASSOCIATE_AC: "Evt3",
    ASSOCIATE_RJ: "Evt4",
    ASSOCIATE_RQ: "Evt6",
    P_DATA_TF: "Evt10",
    RELEASE_RQ: "Evt12",
    RELEASE_RP: "Evt13",
    ABORT: "Evt16",
    UNRECOGNIZED: "Evt19",
}
BY_USER, UNRECOGNIZED_PDU, UNEXPECTED_PDU, INVALID = b"\0\0\0\0", b"\0\0\2\1", b"\0\0\2\2", b"\0\0\2\6"
PDUS = {
    "A-ASSOCIATE-RQ": request(),
    "A-ASSOCIATE-AC": pdu(ASSOCIATE_AC, bytes(68)),
    "A-ASSOCIATE-RJ": pdu(ASSOCIATE_RJ, bytes(4)),
    "P-DATA-TF": echo(),
    "A-RELEASE-RQ": pdu(RELEASE_RQ, bytes(4)),
    "A-RELEASE-RP": pdu(RELEASE_RP, bytes(4)),
    "A-ABORT": pdu(ABORT, bytes(4)),
    "another type": pdu(9, bytes(4)),
    "a release of 5 bytes": pdu(RELEASE_RQ, bytes(5)),
}


@pytest.mark.parametrize("state", State, ids=lambda state: state.value)
@pytest.mark.parametrize(("kind", "event"), EVENTS.items(), ids=EVENTS.values())
def test_the_table_is_that_of_the_standard(state: State, kind: int, event: str) -> None:
    assert TRANSITION_TABLE[event, state.value] in TRANSITIONS[state][kind].value.split(", ")


@pytest.mark.parametrize("name", [name for name in PDUS if name not in {"A-ASSOCIATE-RQ", "A-ABORT"}])
def test_who_begins_with_something_else_than_a_request_is_aborted(name: str) -> None:
    with RawPeer() as peer:
        peer.send(PDUS[name])
        assert peer.answer() == (ABORT, BY_USER)
        assert not peer.receiver.peers


def test_an_abort_before_a_request_closes_the_connection() -> None:
    with RawPeer() as peer:
        peer.send(PDUS["A-ABORT"])
        assert peer.closed()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("A-ASSOCIATE-RQ", UNEXPECTED_PDU),
        ("A-ASSOCIATE-AC", UNEXPECTED_PDU),
        ("A-ASSOCIATE-RJ", UNEXPECTED_PDU),
        ("A-RELEASE-RP", UNEXPECTED_PDU),
        ("another type", UNRECOGNIZED_PDU),
        ("a release of 5 bytes", UNRECOGNIZED_PDU),
    ],
)
def test_what_may_not_come_in_an_association_ends_it_by_the_provider(name: str, reason: bytes) -> None:
    with RawPeer() as peer:
        peer.associate()
        peer.send(PDUS[name])
        assert peer.answer() == (ABORT, reason)
        assert peer.receiver.told.wait(60)
        assert peer.receiver.endings == ["aborted"]
        assert [cause for cause, _ in peer.receiver.troubles] == ["protocol-error"]


def test_an_association_takes_data_until_it_is_released() -> None:
    with RawPeer() as peer:
        peer.associate()
        peer.send(echo())
        assert peer.answer()[0] == P_DATA_TF
        peer.send(PDUS["A-RELEASE-RQ"])
        assert peer.answer() == (RELEASE_RP, bytes(4))
        assert peer.receiver.told.wait(60)
        assert peer.receiver.endings == ["released"]


def test_an_abort_ends_an_association_and_the_object_on_its_way() -> None:
    with RawPeer() as peer:
        peer.associate()
        peer.send(pdu(P_DATA_TF, pdv(CT, 3, command(1, data=True)) + pdv(CT, 0, b"half")))
        peer.send(PDUS["A-ABORT"])
        assert peer.closed()
        assert peer.receiver.endings == ["aborted"]
        assert peer.receiver.objects[0].end == "abandoned"


def test_a_connection_that_ends_in_an_object_leaves_nothing_of_it() -> None:
    with RawPeer() as peer:
        peer.associate()
        peer.send(store(bytes(50_000))[:-1])
        peer.connection.close()
        peer.thread.join(60)
        assert peer.receiver.endings == ["lost"]
        assert peer.receiver.objects[0].end == "abandoned"


def test_a_release_within_an_object_is_answered_and_is_no_clean_end() -> None:
    """Else its evidence would say that all was sent."""
    with RawPeer() as peer:
        peer.associate()
        peer.send(pdu(P_DATA_TF, pdv(CT, 3, command(1, data=True))) + PDUS["A-RELEASE-RQ"])
        assert peer.answer()[0] == RELEASE_RP
        assert peer.receiver.told.wait(60)
        assert peer.receiver.endings == ["aborted"]
        assert peer.receiver.objects[0].end == "abandoned"


@pytest.mark.parametrize(
    "name", ["A-ASSOCIATE-AC", "A-ASSOCIATE-RJ", "P-DATA-TF", "A-RELEASE-RQ", "A-RELEASE-RP", "A-ABORT"]
)
def test_after_the_end_everything_else_is_passed_over(name: str) -> None:
    with RawPeer() as peer:
        peer.released()
        peer.send(PDUS[name] + PDUS["A-ABORT"])
        assert peer.closed()


@pytest.mark.parametrize(
    ("name", "reason"),
    [("A-ASSOCIATE-RQ", UNEXPECTED_PDU), ("another type", UNRECOGNIZED_PDU)],
)
def test_after_the_end_a_request_or_nonsense_is_aborted_once_more(name: str, reason: bytes) -> None:
    with RawPeer() as peer:
        peer.released()
        peer.send(PDUS[name])
        assert peer.answer() == (ABORT, reason)


def test_who_asks_for_nothing_is_disconnected_when_the_artim_timer_ends() -> None:
    with RawPeer(Timers(artim=0.2)) as peer:
        assert peer.closed()
        assert peer.receiver.troubles == [("no-request", "0.2")]


def test_a_request_that_comes_byte_by_byte_does_not_restart_the_artim_timer() -> None:
    with RawPeer(Timers(artim=0.5)) as peer:
        for byte in request()[:200]:
            try:
                peer.send(bytes([byte]))
            except OSError:
                break
            peer.thread.join(0.02)
        assert peer.closed()


def test_who_does_not_close_after_a_release_is_disconnected_when_the_artim_timer_ends() -> None:
    with RawPeer(Timers(artim=0.2)) as peer:
        peer.released()
        assert peer.closed()


def test_an_established_association_that_falls_silent_is_aborted() -> None:
    with RawPeer(Timers(silence=0.2)) as peer:
        peer.associate()
        assert peer.answer() == (ABORT, BY_USER)
        assert peer.receiver.troubles == [("silence", "0.2")]


@pytest.mark.parametrize(
    "content",
    [
        pdv(5, 3, command(0x30)),
        pdv(CT, 0, b"data first"),
        pdv(CT, 3, command(1, data=True)) + pdv(CT, 3, command(1)),
        pdv(CT, 3, command(1, data=True)) + pdv(ECHO, 2, b"data"),
        pdv(CT, 1, command(1)) + pdv(ECHO, 3, b""),
        pdv(CT, 3, command(0x8030)),
        pdv(CT, 3, b"no command"),
        pdv(CT, 3, command(1)[:-3]),
        pdv(CT, 3, b""),
        pdv(CT, 1, bytes(16385)),
        pdv(CT, 3, command(1))[:-1],
        pdv(CT, 3, command(1, data=True)) + b"\0\0\0\1\1",
        b"\0\0\0\1" + bytes([CT, 3]),
        b"\0\0",
    ],
    ids=[
        "a context that was not accepted",
        "a data set without a command",
        "a command within a data set",
        "a data set in another context",
        "a command in two contexts",
        "a response",
        "no command set",
        "half a command set",
        "an empty command set",
        "an endless command set",
        "a value longer than the PDU",
        "half a head",
        "a value without context and control",
        "two bytes",
    ],
)
def test_data_that_makes_no_sense_ends_the_association(content: bytes) -> None:
    with RawPeer() as peer:
        peer.associate()
        peer.send(pdu(P_DATA_TF, content))
        kind, reason = peer.answer()
        assert kind == ABORT
        assert reason in {INVALID, UNEXPECTED_PDU}
        assert peer.receiver.told.wait(60)
        assert peer.receiver.endings == ["aborted"]
        assert {one.end for one in peer.receiver.objects} <= {"finished", "abandoned"}


@pytest.mark.parametrize("length", [MAXIMUM_PDU_BYTES + 1, 0xFFFFFFFF])
def test_a_pdu_longer_than_agreed_is_refused_before_it_comes(length: int) -> None:
    with RawPeer() as peer:
        peer.associate()
        peer.send(b"\4\0" + length.to_bytes(4, "big"))
        assert peer.answer() == (ABORT, UNRECOGNIZED_PDU)
        assert peer.receiver.troubles == [("pdu-too-long", str(length))]


def test_the_longest_pdu_that_was_agreed_on_is_taken() -> None:
    content = bytes(MAXIMUM_PDU_BYTES - 6)
    with RawPeer() as peer:
        peer.associate()
        peer.send(store(content))
        assert peer.answer()[0] == P_DATA_TF
        assert peer.receiver.objects[0].content == content


def test_a_full_receiver_rejects_for_now() -> None:
    """PS3.8 table 9-21: rejected transient, by the provider (presentation), local limit exceeded."""
    with RawPeer(is_full=Rejection("receiver-full", 2, 3, 2, detail="500")) as peer:
        peer.send(request())
        assert peer.answer() == (ASSOCIATE_RJ, bytes((0, 2, 3, 2)))
        assert peer.receiver.troubles == [("receiver-full", "500")]
        assert not peer.receiver.peers


def test_told_to_stop_it_ends_after_the_object_on_its_way() -> None:
    with RawPeer() as peer:
        peer.associate()
        whole = store(b"content")
        peer.send(whole[:-1])
        wait_for(lambda: peer.receiver.objects)
        peer.association.stop()
        peer.send(whole[-1:])
        assert peer.answer()[0] == P_DATA_TF
        assert peer.answer() == (ABORT, BY_USER)
        assert peer.receiver.objects[0].end == "finished"
        assert peer.receiver.told.wait(60)
        assert peer.receiver.endings == ["aborted"]
