"""What the fast engine answers to requests for an association (PS3.8 7.1; PS3.7 annex D)."""

import struct

import pytest
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    MRImageStorage,
)
from pynetdicom import build_context, build_role
from pynetdicom.pdu_primitives import (
    AsynchronousOperationsWindowNegotiation,
    SOPClassExtendedNegotiation,
    UserIdentityNegotiation,
)
from pynetdicom.sop_class import PatientRootQueryRetrieveInformationModelFind  # type: ignore[attr-defined]

from processors.dicom.admission import Admission, Caller, Rejection
from processors.dicom.fast.answers import response
from processors.dicom.fast.command import parse_command
from processors.dicom.fast.negotiate import read_request
from processors.dicom.fast.pdu import ABORT, ASSOCIATE_AC, ASSOCIATE_RJ, MAXIMUM_PDU_BYTES
from processors.dicom.part10 import IMPLEMENTATION_CLASS_UID
from tests.unit.receive.raw_peer import RawPeer, accepted, command, pdu, request, store


class Fixed:
    """A policy that always says the same, and notes who asked."""

    def __init__(self, decision: Admission | Rejection) -> None:
        self.decision = decision
        self.asked: list[Caller] = []

    def admit(self, caller: Caller) -> Admission | Rejection:
        self.asked.append(caller)
        return self.decision


def test_an_acceptance_says_what_we_take_and_who_we_are() -> None:
    with RawPeer() as peer:
        peer.send(request(called="LUNG"))
        kind, content = peer.answer()
        assert kind == ASSOCIATE_AC
        accept = accepted(content)
        assert accept.maximum_length_received == MAXIMUM_PDU_BYTES
        assert str(accept.implementation_class_uid) == IMPLEMENTATION_CLASS_UID
        assert [cx.result for cx in accept.presentation_context_definition_results_list] == [0, 0]
        [who] = peer.receiver.peers
        assert (who.calling_ae, who.called_ae, who.address) == ("CT1", "LUNG", "192.0.2.1")


def test_each_context_is_answered_in_the_syntax_that_the_sender_proposes_first() -> None:
    proposed = [
        build_context(CTImageStorage, [JPEG2000Lossless, ExplicitVRLittleEndian]),
        build_context(CTImageStorage, [ImplicitVRLittleEndian]),
        build_context(PatientRootQueryRetrieveInformationModelFind, [ImplicitVRLittleEndian]),
        build_context("1.2.3.4.5", ["1.2.3.4.6"]),
    ]
    with RawPeer() as peer:
        peer.send(request(proposed))
        results = accepted(peer.answer()[1]).presentation_context_definition_results_list
        assert [(cx.context_id, cx.result) for cx in results] == [(1, 0), (3, 0), (5, 3), (7, 0)]
        assert [str(cx.transfer_syntax[0]) for cx in results if cx.result == 0] == [
            JPEG2000Lossless,
            ImplicitVRLittleEndian,
            "1.2.3.4.6",
        ]


def test_the_policy_chooses_classes_and_syntaxes() -> None:
    policy = Fixed(
        Admission(sop_classes=frozenset({CTImageStorage}), transfer_syntaxes=frozenset({ImplicitVRLittleEndian}))
    )
    proposed = [
        build_context(CTImageStorage, [JPEG2000Lossless, ImplicitVRLittleEndian]),
        build_context(CTImageStorage, [JPEG2000Lossless]),
        build_context(MRImageStorage, [ImplicitVRLittleEndian]),
    ]
    with RawPeer(policy=policy) as peer:
        peer.send(request(proposed))
        results = accepted(peer.answer()[1]).presentation_context_definition_results_list
        assert [cx.result for cx in results] == [0, 4, 3]
        assert policy.asked == [Caller("CT1", "SLUICE", "192.0.2.1")]


def test_a_rejection_is_sent_as_the_policy_says() -> None:
    policy = Fixed(Rejection("unknown-caller", 1, 1, 3, peer="ct"))
    with RawPeer(policy=policy) as peer:
        peer.send(request())
        assert peer.answer() == (ASSOCIATE_RJ, bytes((0, 1, 1, 3)))
        assert peer.receiver.troubles == [("unknown-caller", "")]
        assert not peer.receiver.peers


def test_a_peer_may_be_user_of_a_class_and_not_its_provider() -> None:
    """PS3.7 D.3.3.4: we accept the SCU role and no other."""
    roles = [build_role(CTImageStorage, scu_role=True, scp_role=True)]
    with RawPeer() as peer:
        peer.send(request(items=roles))
        accept = accepted(peer.answer()[1])
        [role] = [item for item in accept.user_information if hasattr(item, "scu_role")]
        assert (role.sop_class_uid, role.scu_role, role.scp_role) == (CTImageStorage, True, False)


def test_what_is_not_supported_is_passed_over_and_the_association_stands() -> None:
    """User identity, extended negotiation, asynchronous operations (PS3.7 D.3.3.3, D.3.3.5, D.3.3.7)."""
    identity, extended = UserIdentityNegotiation(), SOPClassExtendedNegotiation()
    identity.user_identity_type, identity.primary_field = 1, b"somebody"
    extended.sop_class_uid, extended.service_class_application_information = UID(CTImageStorage), b"\1\2"
    window = AsynchronousOperationsWindowNegotiation()
    window.maximum_number_operations_invoked = window.maximum_number_operations_performed = 5
    with RawPeer() as peer:
        peer.send(request(items=[identity, extended, window]))
        kind, content = peer.answer()
        assert kind == ASSOCIATE_AC
        assert len(accepted(content).user_information) == 3


def test_another_protocol_version_is_rejected() -> None:
    asked = bytearray(request())
    asked[6:8] = b"\0\2"
    with RawPeer() as peer:
        peer.send(bytes(asked))
        assert peer.answer() == (ASSOCIATE_RJ, bytes((0, 1, 2, 2)))


def test_more_versions_than_the_first_are_no_reason_to_reject() -> None:
    """PS3.8 table 9-11: only bit 0 is tested."""
    asked = bytearray(request())
    asked[6:8] = b"\0\3"
    with RawPeer() as peer:
        peer.send(bytes(asked))
        assert peer.answer()[0] == ASSOCIATE_AC


def test_another_application_context_is_rejected() -> None:
    asked = request().replace(b"1.2.840.10008.3.1.1.1", b"1.2.840.10008.3.1.1.2")
    with RawPeer() as peer:
        peer.send(asked)
        assert peer.answer() == (ASSOCIATE_RJ, bytes((0, 1, 1, 2)))


@pytest.mark.parametrize("cut", [80, 120, 200])
def test_a_request_that_lies_about_its_items_is_aborted(cut: int) -> None:
    content = request()[6 : 6 + cut]
    with RawPeer() as peer:
        peer.send(pdu(1, content))
        assert peer.answer()[0] == ABORT
        assert not peer.receiver.peers


@pytest.mark.parametrize("item", [b"\x30\0\0\x19", b"\x40\0\0\x13"], ids=["abstract syntax", "transfer syntax"])
def test_a_context_without_a_syntax_is_no_request(item: bytes) -> None:
    """PS3.8 9.3.2.2: one abstract syntax and at least one transfer syntax."""
    whole = request([build_context(CTImageStorage, [ExplicitVRLittleEndian])])
    place, length = whole.index(item), 4 + item[3]
    asked = bytearray(whole[:place] + whole[place + length :])
    context = whole.index(b"\x20\0\0\x38")
    for field, size in ((context + 2, 2), (2, 4)):
        shorter = int.from_bytes(asked[field : field + size], "big") - length
        asked[field : field + size] = shorter.to_bytes(size, "big")
    with RawPeer() as peer:
        peer.send(bytes(asked))
        assert peer.answer() == (ABORT, bytes(4))
        assert [cause for cause, _ in peer.receiver.troubles] == ["associate-malformed"]
        assert not peer.receiver.peers


def test_all_contexts_that_there_can_be_are_answered() -> None:
    syntaxes = [ImplicitVRLittleEndian, *(f"1.2.840.10008.1.2.4.{number}" for number in range(44))]
    with RawPeer() as peer:
        peer.send(request([build_context(f"1.2.3.{number}", syntaxes) for number in range(128)]))
        results = accepted(peer.answer()[1]).presentation_context_definition_results_list
        assert [cx.result for cx in results] == [0] * 128


@pytest.mark.parametrize("maximum", [0, 7, 16, 50, 16384])
def test_an_answer_fits_the_pdus_that_the_peer_takes(maximum: int) -> None:
    request_ = parse_command(command(1, data=True, uid="1.2.3.4.5.6"))
    rest, content = response(request_, 0xA700, 3, maximum), b""
    while rest:
        kind, length, item, context, control = struct.unpack_from(">BxIIBB", rest)
        assert (kind, context, item) == (4, 3, length - 4)
        assert length <= (maximum or length)
        content += rest[12 : 6 + length]
        assert bool(control & 2) == (6 + length == len(rest))
        rest = rest[6 + length :]
    answer = parse_command(content)
    assert (answer.field, answer.sop_instance_uid, answer.has_data_set) == (0x8001, "1.2.3.4.5.6", False)
    assert struct.unpack_from("<HHIH", content, content.index(b"\0\0\0\x09"))[3] == 0xA700


def test_the_syntax_of_an_object_is_that_of_its_context() -> None:
    proposed = [
        build_context(CTImageStorage, [JPEG2000Lossless]),
        build_context(CTImageStorage, [ExplicitVRLittleEndian]),
    ]
    with RawPeer() as peer:
        peer.send(request(proposed))
        peer.answer()
        peer.send(store(b"content"))  # in context 3
        assert peer.answer()[0] == 4
        assert peer.receiver.objects[0].command.transfer_syntax_uid == ExplicitVRLittleEndian


def test_the_policy_is_asked_each_time_and_its_answer_holds_though_the_bytes_are_the_same() -> None:
    asking = request()
    answers = []
    for classes in (None, frozenset({str(MRImageStorage)}), None):
        policy = Fixed(Admission(sop_classes=classes))
        with RawPeer(policy=policy) as peer:
            peer.send(asking)
            _, content = peer.answer()
            answers.append([cx.result for cx in accepted(content).presentation_context_definition_results_list])
        assert len(policy.asked) == 1
        assert sum(policy.decision.contexts()) == len(answers[-1])  # type: ignore[union-attr]
    assert answers[0] == answers[2] != answers[1]


def test_a_request_with_a_password_is_not_remembered() -> None:
    identity = UserIdentityNegotiation()
    identity.user_identity_type, identity.primary_field, identity.secondary_field = 2, b"user", b"secret"
    with_password, without = (read_request(request(items=items)) for items in ([identity], []))
    assert (with_password.is_remembered, without.is_remembered) == (False, True)
    assert "secret" not in repr(with_password)
