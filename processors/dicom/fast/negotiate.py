"""The answer to an A-ASSOCIATE-RQ (PS3.8 7.1, 9.3.2-9.3.4; PS3.7 annex D), by pynetdicom's public classes.

Who may call, and with what, is the policy's matter; what of it can be said in a PDU is pynetdicom's. User identity is
accepted without a response, extended negotiation is not answered, and one operation at a time is the default that an
unanswered request for more falls back to (PS3.7 D.3.3.3, D.3.3.5, D.3.3.7).

A sender asks with the same bytes each time. What was read from them, and what pynetdicom made of the policy's answers,
is remembered for the last few; the policy is asked each time.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from pydicom.uid import UID
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
)
from pynetdicom.presentation import PresentationContext, negotiate_as_acceptor

from processors.dicom import rejections
from processors.dicom.admission import ACCEPTANCE, Admission, ContextAnswer, Rejection
from processors.dicom.fast.errors import ProtocolError
from processors.dicom.fast.pdu import MAXIMUM_PDU_BYTES
from processors.dicom.fast.request_shape import check_shape
from processors.dicom.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"
_PROTOCOL_VERSION: Final = 0x0001
"""Bit 0; other bits are not tested (PS3.8 table 9-11)."""
_REMEMBERED: Final = 64
_MOST_REMEMBERED_BYTES: Final = 16384
"""Of one request; a longer one is read anew each time, so that what is remembered stays below a few MB."""
_USER_IDENTITY: Final = b"\x58\0"
"""How its sub-item begins (PS3.7 table D.3-14): a password is not remembered."""


@dataclass(frozen=True, slots=True)
class Request:
    """An A-ASSOCIATE-RQ as it came."""

    content: bytes = field(repr=False)
    calling_ae: str
    called_ae: str
    application_context: str
    protocol_version: int
    contexts: tuple[tuple[str, tuple[str, ...]], ...]
    """Abstract syntax and transfer syntaxes of each proposed presentation context."""

    @property
    def is_remembered(self) -> bool:
        """Whether what was found out about it is kept for the next one of the same bytes."""
        return _is_remembered(self.content)


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was agreed on."""

    pdu: bytes
    """The A-ASSOCIATE-AC."""
    transfer_syntaxes: dict[int, str] = field(default_factory=dict)
    """Of each accepted presentation context, by its id."""
    peer_maximum_bytes: int = 0
    """The longest PDU that the peer takes; 0 is no limit."""


def read_request(content: bytes) -> Request:
    """Read an A-ASSOCIATE-RQ, header included.

    Raises:
        ProtocolError: it is none.
    """
    return _read(content) if _is_remembered(content) else _read.__wrapped__(content)


def _is_remembered(content: bytes) -> bool:
    return len(content) <= _MOST_REMEMBERED_BYTES and _USER_IDENTITY not in content


@lru_cache(maxsize=_REMEMBERED)
def _read(content: bytes) -> Request:
    check_shape(content)
    pdu, primitive = _decode(content)
    contexts = primitive.presentation_context_definition_list
    for context in contexts:
        if not context.abstract_syntax or not context.transfer_syntax:  # one, and at least one: PS3.8 9.3.2.2
            raise ProtocolError("A presentation context lacks a syntax.", cause="associate-malformed")
    return Request(
        content=content,
        calling_ae=str(primitive.calling_ae_title).strip(),
        called_ae=str(primitive.called_ae_title).strip(),
        application_context=str(primitive.application_context_name),
        protocol_version=int(pdu.protocol_version),
        contexts=tuple((str(one.abstract_syntax), tuple(map(str, one.transfer_syntax))) for one in contexts),
    )


def _decode(content: bytes) -> tuple[Any, Any]:
    pdu = A_ASSOCIATE_RQ()
    try:
        pdu.decode(content)
        primitive = pdu.to_primitive()
        str(primitive.calling_ae_title), str(primitive.called_ae_title), int(pdu.protocol_version)
    except Exception as error:  # pynetdicom raises whatever its setters do on bytes that are no request
        raise ProtocolError("An A-ASSOCIATE-RQ cannot be read.", cause="associate-malformed") from error
    return pdu, primitive


def unacceptable(request: Request) -> Rejection | None:
    """Why no one could have such an association, whoever asks (PS3.8 9.3.4)."""
    if not request.protocol_version & _PROTOCOL_VERSION:
        return rejections.rejection("protocol-version")
    if request.application_context != APPLICATION_CONTEXT:
        return rejections.rejection("application-context")
    return None


def rejection(why: Rejection) -> bytes:
    """The A-ASSOCIATE-RJ."""
    primitive = A_ASSOCIATE()
    primitive.result, primitive.result_source, primitive.diagnostic = why.result, why.source, why.diagnostic
    return _encode(A_ASSOCIATE_RJ(), primitive)


def agree(request: Request, admission: Admission) -> Agreement:
    """Answer each proposed context as the admission says.

    Raises:
        ProtocolError: what was proposed cannot be answered.
    """
    answers = tuple(admission.context(abstract_syntax, proposed) for abstract_syntax, proposed in request.contexts)
    write = _agree if request.is_remembered else _agree.__wrapped__
    try:
        return write(request.content, answers)
    except Exception as error:  # what a request can hold and an answer cannot, its setters tell
        raise ProtocolError("An A-ASSOCIATE-RQ cannot be answered.", cause="associate-malformed") from error


@lru_cache(maxsize=_REMEMBERED)
def _agree(content: bytes, answers: tuple[ContextAnswer, ...]) -> Agreement:
    _, asked = _decode(content)
    roles = {
        item.sop_class_uid: (item.scu_role, item.scp_role)
        for item in asked.user_information
        if isinstance(item, SCP_SCU_RoleSelectionNegotiation)
    }
    results, role_items = [], {}
    for proposed, answer in zip(asked.presentation_context_definition_list, answers, strict=True):
        result, replies = _answer(proposed, answer, roles)
        results.append(result)
        role_items.update({item.sop_class_uid: item for item in replies})
    accept = A_ASSOCIATE()
    accept.application_context_name = UID(APPLICATION_CONTEXT)
    accept.calling_ae_title = asked.calling_ae_title
    accept.called_ae_title = asked.called_ae_title
    accept.result, accept.result_source = 0, 1
    accept.presentation_context_definition_results_list = results
    accept.user_information = [*_about_us(), *role_items.values()]
    return Agreement(
        pdu=_encode(A_ASSOCIATE_AC(), accept),
        transfer_syntaxes={
            context.context_id: str(context.transfer_syntax[0]) for context in results if context.result == ACCEPTANCE
        },
        peer_maximum_bytes=asked.maximum_length_received or 0,
    )


def _answer(proposed: Any, answer: ContextAnswer, roles: dict[Any, Any]) -> tuple[Any, list[Any]]:
    """One context's result and the role items that go with it: we are SCP, the peer may be SCU (PS3.7 D.3.3.4)."""
    supported = PresentationContext()
    supported.abstract_syntax = proposed.abstract_syntax
    supported.transfer_syntax = [answer.transfer_syntax]
    supported.scu_role, supported.scp_role = True, False
    [result], replies = negotiate_as_acceptor([proposed], [supported], roles)
    if answer.result != ACCEPTANCE:
        result.result = answer.result
        return result, []
    return result, replies


def _about_us() -> list[Any]:
    maximum_length = MaximumLengthNotification()
    maximum_length.maximum_length_received = MAXIMUM_PDU_BYTES
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    return [maximum_length, implementation, version]


def _encode(pdu: Any, primitive: Any) -> bytes:
    pdu.from_primitive(primitive)
    return bytes(pdu.encode())
