"""One connection of HTTP from its first request to its end, in one thread that blocks while nothing comes.

Algorithm, for each request:
    1. Read its head within a time.
    2. Ask the policy who this is; then see whether it can be served. Neither needs the body.
    3. Open an association at the receiver, take the body, end the association, answer.
    4. If not all of the body was read, or it was not what it said, close: what follows may not be the next request.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus
from typing import Final, Self

from processors.dicom.admission import Admission, Caller, ClientCertificate, Policy, Rejection
from processors.dicom.engine import AssociationListener, Listener, Peer
from processors.dicom.fast.errors import LostError, SilentError
from processors.dicom.fast.wire import Wire
from processors.dicom.upload.body import Body
from processors.dicom.upload.errors import RequestError
from processors.dicom.upload.head import RequestHead, read_head
from processors.dicom.upload.order import Order, read_order
from processors.dicom.upload.outcome import RETRY_SECONDS, Answer, in_words
from processors.dicom.upload.patience import Patience
from processors.dicom.upload.request import Upload
from processors.ledger.associations import Ending
from processors.limits import ReceiverLimits

CALLER_WITHOUT_NAME: Final = "HTTP"
"""Calling AE title of who shows no token, where such a caller may send."""
MAXIMUM_DRAINED_BYTES: Final = 16 << 20
"""Of a body that nobody wants; reading it lets our answer arrive before the connection is closed."""
_DRAIN_SECONDS: Final = 10.0
_GO_AHEAD: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_UNAUTHORIZED: Final = frozenset({"no-token", "unknown-token"})
_LATER: Final = 2
"""Result of a rejection that is transient (PS3.8 table 9-21)."""


@dataclass(frozen=True, slots=True)
class Timers:
    """How long a connection waits, in seconds."""

    head: float = 30.0
    """For a whole request head, the first or the next."""
    patience: float = 60.0
    """For each 64 KiB of a body."""
    handshake: float = 20.0
    """For a whole TLS handshake."""
    vanished: float = 120.0
    """After which TCP gives up a sender that no longer answers."""

    @classmethod
    def of(cls, limits: ReceiverLimits) -> Self:
        """As the receiver's limits have them."""
        return cls(limits.request, limits.silence_inside, limits.handshake, limits.vanished)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A connection that has been accepted, and after a TLS handshake what that has shown."""

    socket: socket.socket
    address: str
    encrypted: bool = False
    certificate: ClientCertificate | None = None


class UploadConnection:
    """Serves one connection."""

    def __init__(
        self,
        accepted: Accepted,
        listener: Listener,
        policy: Policy,
        *,
        ae_title: str,
        timers: Timers,
        count: Callable[[int], object],
    ) -> None:
        """Begin.

        Args:
            accepted: Whose; it is closed at the end.
            listener: The receiver.
            policy: Who may upload, and what.
            ae_title: Ours: what a sender by HTTP has called.
            timers: How long to wait.
            count: Told the status of each answer.
        """
        self.between_requests = threading.Event()
        self.between_requests.set()
        self._accepted, self._receiver, self._policy = accepted, listener, policy
        self._timers, self._count = timers, count
        self._caller = Caller(CALLER_WITHOUT_NAME, ae_title, accepted.address, accepted.encrypted, accepted.certificate)
        self._wire = Wire(accepted.socket, lambda: None, self._heard)
        self._listener: AssociationListener | None = None
        self._served = 0
        self._stopping = False

    def run(self) -> None:
        """Serve it to its end."""
        try:
            while self._serve() and not self._stopping:
                pass
        except (LostError, SilentError):
            pass  # the end of what remained to be said
        finally:
            self.between_requests.set()
            self._wire.let_go()
            self._accepted.socket.close()

    def stop(self) -> None:
        """Let it end by itself after the file that is on its way; any thread."""
        self._stopping = True

    def _serve(self) -> bool:
        """One request; returns whether another may follow."""
        self._wire.wait_until(time.monotonic() + self._timers.head)
        try:
            head = read_head(self._wire)
        except RequestError as error:
            self._receiver.troubled(self._caller, error.cause, error.detail)
            return self._close_after(in_words(error.status, str(error)))
        except SilentError:
            if not self._served:
                self._receiver.troubled(self._caller, "no-request", f"{self._timers.head:g}")
            return False
        self._served += 1
        self.between_requests.clear()
        decision = self._policy.admit_upload(self._caller, head.token)
        if isinstance(decision, Rejection):
            self._receiver.troubled(self._caller, decision.cause, decision.detail, decision.peer)
            return self._close_after(_refused(decision), head)
        try:
            order = read_order(head)
        except RequestError as error:
            decision.close()
            self._receiver.troubled(self._named(decision), error.cause, error.detail, decision.peer or "")
            more = (("Allow", "POST"),) if error.status == HTTPStatus.METHOD_NOT_ALLOWED else ()
            return self._close_after(in_words(error.status, str(error), *more), head)
        except BaseException:  # a fault of ours must not cost the peer one of its places
            decision.close()
            raise
        return self._receive(head, order, decision)

    def _receive(self, head: RequestHead, order: Order, admission: Admission) -> bool:
        body = Body(order.length, Patience(self._wire, self._timers.patience))
        try:
            peer = Peer(admission.calling_ae, self._caller.called_ae, self._accepted.address, admission)
            self._listener = self._receiver.opened(peer)
        except BaseException:
            admission.close()
            raise
        upload = Upload(self._listener, admission, order, lambda: self._stopping, self._timers.patience)
        ending: Ending = "lost"
        try:
            if order.wants_go_ahead:
                self._send(_GO_AHEAD)
            answer = upload.receive(body)
            ending = "released" if upload.is_whole else "aborted"
        finally:
            upload.abandon()
            listener, self._listener = self._listener, None
            listener.ended(ending)
        if head.stays_open and body.is_read and upload.is_whole and not self._stopping:
            self._answer(answer, head, closes=False)
            return True
        return self._close_after(answer, head)

    def _close_after(self, answer: Answer, head: RequestHead | None = None) -> bool:
        """Answer, and pass over what still comes, for a while."""
        self._answer(answer, head, closes=True)
        with contextlib.suppress(OSError):
            if not self._accepted.encrypted:
                self._accepted.socket.shutdown(socket.SHUT_WR)
        self._wire.wait_until(time.monotonic() + _DRAIN_SECONDS)
        self._wire.skip(MAXIMUM_DRAINED_BYTES)
        return False

    def _answer(self, answer: Answer, head: RequestHead | None, *, closes: bool) -> None:
        self._count(answer.status)
        fields = [
            ("Date", formatdate(usegmt=True)),
            ("Content-Type", answer.content_type),
            ("Content-Length", str(len(answer.content))),
            ("Cache-Control", "no-store"),
            *answer.fields,
            *([("Connection", "close")] if closes else []),
        ]
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}", *(f"{n}: {v}" for n, v in fields)]
        content = b"" if head is not None and head.method == "HEAD" else answer.content
        self._send("\r\n".join([*lines, "", ""]).encode("latin-1") + content)
        self.between_requests.set()

    def _send(self, content: bytes) -> None:
        """All of it within our patience, over TLS too, as it is written by one call."""
        self._wire.wait_at_most(self._timers.patience)
        self._wire.send(content)

    def _heard(self) -> None:
        if self._listener is not None:
            self._listener.heard()

    def _named(self, admission: Admission) -> Caller:
        return Caller(admission.calling_ae, self._caller.called_ae, self._accepted.address)


def _refused(decision: Rejection) -> Answer:
    """What a caller hears who may not send; who probes learns nothing more."""
    if decision.result == _LATER:
        return in_words(503, "Not now; try again later.", ("Retry-After", str(RETRY_SECONDS)))
    if decision.cause in _UNAUTHORIZED:
        sentence = "Show a token that this receiver knows: Authorization: Bearer ..."
        return in_words(401, sentence, ("WWW-Authenticate", "Bearer"))
    return in_words(403, "You may not send here.")
