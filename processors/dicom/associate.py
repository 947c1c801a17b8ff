"""Ask a peer for an association, and say in plain words why there is none."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from pynetdicom import AE, _config, evt
from pynetdicom.pdu import A_ASSOCIATE_RJ
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import Verification

from processors.dicom.calling_tls import tls_of, why_no_tls
from processors.dicom.checkpoint import AssociationEndedError, guard
from processors.dicom.errors import PeerDownError, PeerLostError, PeerRefusesError
from processors.dicom.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from processors.dicom.silence import silence
from processors.peers import Peer

MAXIMUM_CONTEXTS: Final = 128
"""Presentation contexts of one association (PS3.8 9.3.2.2: odd numbers of one byte)."""
MAXIMUM_PDU_BYTES: Final = 131072
_LINGER_SECONDS: Final = 5.0

_REJECTIONS: Final = {
    (1, 1): ("no-reason", "it gives no reason"),
    (1, 2): ("application-context", "it does not know DICOM's application context"),
    (1, 3): ("calling-ae-unknown", "it does not know our calling AE title {calling}"),
    (1, 7): ("called-ae-unknown", "it is not called {called}"),
    (2, 1): ("rejected-by-acse", "it gives no reason"),
    (2, 2): ("protocol-version", "it speaks another version of the protocol"),
    (3, 1): ("congested", "it has too much to do"),
    (3, 2): ("too-many-associations", "it has too many associations"),
}
"""Code and words by source and diagnostic (PS3.8 table 9-21)."""


@contextmanager
def associated(
    peer: Peer,
    contexts: Sequence[PresentationContext],
    *,
    roles: Sequence[Any] = (),
    handlers: Sequence[tuple[Any, ...]] = (),
) -> Iterator[Any]:
    """An established association, released at the end, aborted on an error.

    Args:
        peer: Whom to ask.
        contexts: What to propose; at least one must be accepted.
        roles: Role selections, for C-GET.
        handlers: Event handlers of pynetdicom.

    Raises:
        PeerDownError: no connection.
        PeerRefusesError: the association is rejected, or no context is accepted.
        PeerLostError: no answer to the request.
        PeerTLSError: it is to be called by TLS, and that fails.
    """
    association = _ask(peer, contexts, roles, handlers)
    try:
        yield association
    except AssociationEndedError as error:
        raise lost(peer) from error
    except BaseException:
        if association.is_established:
            association.abort()
        raise
    with suppress(AssociationEndedError):
        if association.is_established:
            association.release()
    association.join(_LINGER_SECONDS)


def _ask(
    peer: Peer, contexts: Sequence[PresentationContext], roles: Sequence[Any], handlers: Sequence[tuple[Any, ...]]
) -> Any:
    """An established association, or a `PeerError`."""
    silence()
    _config.LOG_HANDLER_LEVEL = "none"
    _config.STORE_SEND_CHUNKED_DATASET = True
    entity = AE(peer.calling_ae_title)
    entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    entity.connection_timeout = entity.acse_timeout = peer.connect_timeout_seconds
    entity.dimse_timeout = peer.answer_timeout_seconds
    entity.network_timeout = peer.answer_timeout_seconds * 2
    opened: list[Any] = []
    rejections: list[A_ASSOCIATE_RJ] = []

    def connected(event: Any) -> None:
        opened.append(event)
        connection = event.assoc.dul.socket.socket
        # Without NODELAY the last short segment of each object waits for the peer's delayed acknowledgement; with a
        # time limit, a peer that reads no more ends the association instead of blocking it for ever.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(peer.answer_timeout_seconds)

    def received(event: Any) -> None:
        if isinstance(event.pdu, A_ASSOCIATE_RJ):
            rejections.append(event.pdu)

    asked = {
        "contexts": list(contexts),
        "ae_title": peer.ae_title,
        "max_pdu": MAXIMUM_PDU_BYTES,
        "ext_neg": list(roles),
        "tls_args": tls_of(peer),
        "evt_handlers": [(evt.EVT_CONN_OPEN, connected), (evt.EVT_PDU_RECV, received), *handlers],
    }
    try:
        association = entity.associate(peer.host, peer.port, **asked)
    except OSError as error:
        raise PeerDownError(f"Peer {peer.name}: the host {peer.host} is not known.", "host-unknown") from error
    if not association.is_established:
        # From the PDU itself: pynetdicom forgets a rejection that is read before its requestor looks at the socket.
        raise _why_rejected(peer, rejections[0]) if rejections else _why_not(peer, association, connected=bool(opened))
    guard(association)
    return association


def echo(peer: Peer) -> None:
    """C-ECHO.

    Raises:
        PeerError: it did not answer with Success.
    """
    from pynetdicom import build_context

    with associated(peer, [build_context(Verification)]) as association:
        status = association.send_c_echo()
    if "Status" not in status:
        raise lost(peer)
    if status.Status != 0:
        raise PeerRefusesError(
            f"Peer {peer.name} answers C-ECHO with {status.Status:04X}.", f"status-{status.Status:04x}"
        )


def lost(peer: Peer) -> PeerLostError:
    """The association ended, or an answer did not come in time."""
    return PeerLostError(f"Peer {peer.name} ended the association or did not answer in time.", "no-answer")


def _why_rejected(peer: Peer, rejection: A_ASSOCIATE_RJ) -> PeerRefusesError:
    said = (rejection.source, rejection.reason_diagnostic)
    code, words = _REJECTIONS.get(said, ("rejected", "it gives an unknown reason"))
    words = words.format(called=peer.ae_title, calling=peer.calling_ae_title)
    return PeerRefusesError(f"Peer {peer.name} rejects the association: {words}.", code)


def _why_not(peer: Peer, association: Any, *, connected: bool) -> Exception:
    if (fault := why_no_tls(peer)) is not None:
        return fault
    if not connected:
        code, words = _probe(peer)
        return PeerDownError(f"Peer {peer.name} ({peer.host}:{peer.port}): {words}.", code)
    answer = association.acceptor.primitive
    if answer is not None and answer.result == 0:
        words = f"Peer {peer.name} accepts none of the presentation contexts that are needed."
        return PeerRefusesError(words, "no-presentation-context")
    return PeerLostError(f"Peer {peer.name} was reached and gave no answer to the association request.", "no-answer")


def _probe(peer: Peer) -> tuple[str, str]:
    """Why a connection fails; pynetdicom keeps the cause to itself."""
    try:
        socket.create_connection((peer.host, peer.port), peer.connect_timeout_seconds).close()
    except TimeoutError:
        return "unreachable", f"no connection within {peer.connect_timeout_seconds:g} s"
    except ConnectionRefusedError:
        return "connection-refused", "nothing listens on that port"
    except OSError as error:
        return "unreachable", (error.strerror or type(error).__name__).lower()
    return "unreachable", "the connection failed, and works now"
