"""One association from its connection to its end, in one thread that blocks while nothing comes.

Algorithm (PS3.8 9.2):
    1. Wait for the A-ASSOCIATE-RQ while the ARTIM timer runs, ask the policy, answer.
    2. Take data until a release, an abort, the connection's end, or a silence that is too long.
    3. Tell the receiver how it ended; only then wait, while the ARTIM timer runs, for the peer to close the connection.
"""

import socket
import threading
import time
from dataclasses import dataclass
from typing import Final, Self

from processors.dicom.admission import Admission, Caller, ClientCertificate, Policy, Rejection
from processors.dicom.engine import AssociationListener, Listener, Peer
from processors.dicom.fast import negotiate
from processors.dicom.fast.answers import response
from processors.dicom.fast.command import Command
from processors.dicom.fast.errors import LostError, ProtocolError, SilentError, SlowError
from processors.dicom.fast.messages import Messages
from processors.dicom.fast.pdu import (
    BY_PROVIDER,
    BY_USER,
    HEADER,
    NOT_SPECIFIED,
    P_DATA_TF,
    RELEASE_RP_PDU,
    UNEXPECTED_PDU,
    UNRECOGNIZED,
    UNRECOGNIZED_PDU,
    abort,
    kind_of,
)
from processors.dicom.fast.pdv import read_p_data
from processors.dicom.fast.states import TRANSITIONS, Action, State
from processors.dicom.fast.wire import Wire
from processors.dicom.pace import Pace
from processors.ledger.associations import Ending
from processors.limits import ReceiverLimits

_TLS_HANDSHAKE: Final = 0x16
MAXIMUM_DRAINED_BYTES: Final = 16 << 20
"""Of what comes after bytes that are no PDU; reading it lets our A-ABORT arrive before the connection is closed."""


@dataclass(frozen=True, slots=True)
class Timers:
    """How long an association waits, in seconds."""

    artim: float = 30.0
    """For the A-ASSOCIATE-RQ, and for the peer to close (PS3.8 9.1.5)."""
    silence: float = 3600.0
    """For the next message of an established association; its deliveries were sealed long before."""
    silence_inside: float = 60.0
    """For the next byte of a message."""
    pace: float = 1000.0
    """Bytes a second inside a message, at least."""
    pace_over: float = 120.0
    """Of waiting, over which the pace is measured."""
    handshake: float = 20.0
    """For a whole TLS handshake."""
    vanished: float = 120.0
    """For a peer to answer on TCP, be there traffic or not."""

    @classmethod
    def of(cls, limits: ReceiverLimits) -> Self:
        """As the receiver's limits have them."""
        return cls(
            artim=limits.request,
            silence=limits.silence,
            silence_inside=limits.silence_inside,
            pace=limits.pace,
            pace_over=limits.pace_over,
            handshake=limits.handshake,
            vanished=limits.vanished,
        )


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection that has been accepted, and after a TLS handshake what that has shown."""

    socket: socket.socket
    address: str
    encrypted: bool = False
    certificate: ClientCertificate | None = None


class Association:
    """Serves one connection."""

    def __init__(
        self, connection: Connection, listener: Listener, policy: Policy, is_full: Rejection | None, timers: Timers
    ) -> None:
        """Begin.

        Args:
            connection: Whose; it is closed at the end.
            listener: The receiver.
            policy: Who may call, and with what.
            is_full: What everyone is answered because there are too many associations; None if there are not.
            timers: How long to wait.
        """
        self.between_objects = threading.Event()
        self.between_objects.set()
        self._connection = connection
        self._receiver = listener
        self._policy = policy
        self._is_full = is_full
        self._timers = timers
        self._wire = Wire(connection.socket, self._flush, self._heard)
        self._listener: AssociationListener | None = None
        self._messages: Messages | None = None
        self._peer_maximum_bytes = 0
        self._ending: Ending = "lost"
        self._stopping = False
        self._in_step = True

    def run(self) -> None:
        """Serve it to its end."""
        try:
            self._serve()
        except (LostError, SilentError):
            pass  # the end of what remained to be said
        finally:
            try:
                self._ended()
            finally:
                self._wire.let_go()
                self._messages = None  # it knows this, as the wire did: nothing is left in a ring
                self._connection.socket.close()

    def stop(self) -> None:
        """Let it end by itself after the object that is on its way; any thread."""
        self._stopping = True

    def _serve(self) -> None:
        """Wait for PDUs in the three states, and do what the table says."""
        state = State.AWAITING_REQUEST
        self._wire.wait_until(time.monotonic() + self._timers.artim)
        while state is not State.AWAITING_CLOSE:
            try:
                following = self._next(state)
            except ProtocolError as error:
                self._in_step = False
                self._trouble(state, error.cause, str(error))
                following = self._abort(state, error.reason)
            except SilentError as error:
                self._trouble(state, *self._silence(state, error))
                if state is State.AWAITING_REQUEST:
                    return  # AA-2
                following = self._abort(state, NOT_SPECIFIED, BY_USER)
            except LostError:
                if state is State.ESTABLISHED and self._stopping:
                    self._abort(state, NOT_SPECIFIED, BY_USER)
                return  # AA-4, AA-5
            if following is None:
                return
            state = following
        self._ended()
        self._await_close()

    def _next(self, state: State) -> State | None:
        """Read the next PDU and act on it: the state that follows, None to close."""
        if self._messages is None or self._messages.between:
            self._wire.between_messages()
        pdu_type, length = HEADER.unpack(self._wire.need(HEADER.size))
        kind = kind_of(pdu_type, length)
        match TRANSITIONS[state][kind]:
            case Action.TAKE_DATA:
                return self._take_data(length)
            case Action.NEGOTIATE:
                return self._negotiate(HEADER.pack(pdu_type, length) + self._wire.whole(length))
            case Action.RELEASE:
                self._ending = "released" if self._messages is None or self._messages.between else "aborted"
                self._wire.skip(length)
                self._wire.send(RELEASE_RP_PDU)
                return State.AWAITING_CLOSE
            case Action.CLOSE:
                self._ending = "aborted"
                return None
        return self._refuse(state, pdu_type, kind, length)

    def _refuse(self, state: State, pdu_type: int, kind: int, length: int) -> State:
        """A PDU that may not come now, or is none."""
        self._trouble(state, *_why(state, pdu_type, kind, length))
        following = self._abort(state, UNRECOGNIZED_PDU if kind == UNRECOGNIZED else UNEXPECTED_PDU)
        self._in_step = kind != UNRECOGNIZED
        if self._in_step:
            self._wire.skip(length)
        return following

    def _negotiate(self, content: bytes) -> State:
        """AE-6, AE-7, AE-8: read the request, ask the policy, answer."""
        request = negotiate.read_request(content)
        connection = self._connection
        caller = Caller(
            request.calling_ae, request.called_ae, connection.address, connection.encrypted, connection.certificate
        )
        decision = negotiate.unacceptable(request) or self._is_full or self._policy.admit(caller)
        if isinstance(decision, Rejection):
            self._receiver.troubled(caller, decision.cause, decision.detail, decision.peer)
            self._wire.send(negotiate.rejection(decision))
            return State.AWAITING_CLOSE
        self._establish(request, decision)
        return State.ESTABLISHED

    def _establish(self, request: negotiate.Request, admission: Admission) -> None:
        try:
            agreement = negotiate.agree(request, admission)
            peer = Peer(request.calling_ae, request.called_ae, self._connection.address, admission)
            self._listener = self._receiver.opened(peer)
        except BaseException:
            admission.close()
            raise
        self._peer_maximum_bytes = agreement.peer_maximum_bytes
        self._messages = Messages(agreement.transfer_syntaxes, self._listener, self._answer)
        timers = self._timers
        pace = Pace(timers.pace, timers.pace_over)
        self._wire.expect_messages(timers.silence, timers.silence_inside, pace)
        self._wire.send(agreement.pdu)

    def _take_data(self, length: int) -> State:
        """DT-2."""
        if self._messages is None:
            raise AssertionError
        if self.between_objects.is_set():  # not for each PDU
            self.between_objects.clear()
        read_p_data(self._wire, length, self._messages)
        if self._messages.between:
            self.between_objects.set()
            if self._stopping:
                return self._abort(State.ESTABLISHED, NOT_SPECIFIED, BY_USER)
        return State.ESTABLISHED

    def _answer(self, command: Command, status: int, context_id: int) -> None:
        self._wire.send(response(command, status, context_id, self._peer_maximum_bytes))

    def _abort(self, state: State, reason: int, source: int = BY_PROVIDER) -> State:
        """AA-1 before there is an association, AA-8 in one."""
        self._ending = "aborted"
        if state is State.AWAITING_REQUEST:
            source, reason = BY_USER, NOT_SPECIFIED
        self._wire.send(abort(source, reason))
        return State.AWAITING_CLOSE

    def _await_close(self) -> None:
        """Sta13: pass over what comes until the peer closes, or the ARTIM timer runs out, or too much has come."""
        self._wire.wait_until(time.monotonic() + self._timers.artim)
        while self._in_step:
            pdu_type, length = HEADER.unpack(self._wire.need(HEADER.size))
            kind = kind_of(pdu_type, length)
            action = TRANSITIONS[State.AWAITING_CLOSE][kind]
            if action is Action.CLOSE:
                return
            if action is Action.ABORT_AGAIN:
                self._wire.send(abort(BY_PROVIDER, UNRECOGNIZED_PDU if kind == UNRECOGNIZED else UNEXPECTED_PDU))
            if kind == UNRECOGNIZED:
                self._in_step = False
            else:
                self._wire.skip(length)
        self._wire.skip(MAXIMUM_DRAINED_BYTES)

    def _ended(self) -> None:
        """The association's end, whatever it was: no object is on its way any more."""
        if self._messages is not None:
            self._messages.abandon()
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.ended(self._ending)
        if not self.between_objects.is_set():
            self.between_objects.set()

    def _flush(self) -> None:
        if self._messages is not None:
            self._messages.flush()

    def _heard(self) -> None:
        if self._listener is not None:
            self._listener.heard()

    def _silence(self, state: State, error: SilentError) -> tuple[str, str]:
        if isinstance(error, SlowError):
            return "too-slow", str(error)
        if state is State.AWAITING_REQUEST:
            return "no-request", f"{self._timers.artim:g}"
        return "silence", f"{self._timers.silence:g}"

    def _trouble(self, state: State, cause: str, detail: str) -> None:
        if self._listener is not None:
            self._listener.troubled(cause, detail)
        elif state is State.AWAITING_REQUEST:
            self._receiver.troubled(Caller("", "", self._connection.address), cause, detail)


def _why(state: State, pdu_type: int, kind: int, length: int) -> tuple[str, str]:
    """A row of `processors.dicom.causes` and its detail for a PDU that may not come."""
    if kind == UNRECOGNIZED and pdu_type == P_DATA_TF:
        return "pdu-too-long", str(length)
    if kind == UNRECOGNIZED and state is State.AWAITING_REQUEST:
        if pdu_type == _TLS_HANDSHAKE:
            return "tls-on-plain-port", ""
        return "not-dicom", f"first byte {pdu_type:#04x}"
    return "protocol-error", f"PDU type {pdu_type:#04x}"
