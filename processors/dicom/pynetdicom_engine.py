"""The network engine on pynetdicom, by its supported settings; the reference for faster ones.

Each object is in memory while it arrives: pynetdicom's chunked reception would keep it on disk, but leaves an orphan
when the sender goes away in mid-object, and its file could not be hashed without reading it again. Per association
there is one more thread here, which waits for pynetdicom's: the end is told once, after the last object, whatever
happened. Before pynetdicom gets a connection, this thread waits for its first byte and does the TLS handshake.
"""

import socket
import socketserver
import ssl
import threading
import time
from dataclasses import replace
from typing import Any, Final

from pydicom.dataset import Dataset
from pynetdicom import AE, _config, evt
from pynetdicom.pdu_primitives import A_ABORT
from pynetdicom.sop_class import Verification
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from processors.dicom.admission import (
    UNCOMPRESSED,
    Admission,
    Caller,
    ClientCertificate,
    Everybody,
    Policy,
    Rejection,
)
from processors.dicom.engine import AssociationListener, Listener, Peer, StoreCommand
from processors.dicom.errors import HandshakeError, ListenError
from processors.dicom.pace import find_vanished
from processors.dicom.pynetdicom_negotiation import Negotiation
from processors.dicom.services import (
    MAXIMUM_DATA_SET_BYTES,
    RESOURCE_LIMITATION,
    SERVED,
    SUCCESS,
    UNRECOGNIZED_OPERATION,
    Operation,
    ServiceRequest,
    is_served,
)
from processors.dicom.silence import silence
from processors.dicom.tls import ServerTLS, shown_by
from processors.dicom.watchman import Watched, Watchman, counted, end
from processors.ledger.associations import Ending
from processors.limits import ReceiverLimits

MAXIMUM_PDU_BYTES: Final = 131072
_TLS_HANDSHAKE: Final = 0x16
_ASSOCIATE_RQ: Final = 0x01
ABORT_SECONDS: Final = 10.0
"""How long an aborted association may take to end when we stop."""


class _Link:
    """One association of pynetdicom and what it is told to."""

    def __init__(self, association: Any, watched: Watched) -> None:
        self.association = association
        self.watched = watched
        self.caller = Caller("", "", "")
        self.admission: Admission | None = None
        self.is_told = False
        """Whether the receiver knows why no association came of it."""
        self.listener: AssociationListener | None = None
        self.ending: Ending = "lost"
        self.between_objects = threading.Event()
        self.between_objects.set()
        self.followed = threading.Event()


class _Handler(RequestHandler):  # type: ignore[misc] # pynetdicom is untyped
    """Starts an association and waits for its end."""

    request: Any

    def handle(self) -> None:
        """Run in a thread of the server's own."""
        engine: PynetdicomEngine = self.server.engine
        connection: socket.socket = self.request
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        find_vanished(connection, engine.limits.vanished)
        secured = engine.secure(connection, str(self.client_address[0]))
        if secured is None:
            self.server.shutdown_request(connection)
            return
        self.request = secured
        super().handle()
        engine.follow(engine.link_of_this_thread())


class _Server(ThreadedAssociationServer):  # type: ignore[misc] # pynetdicom is untyped
    """A server whose acceptor waits for nobody and whose errors are not printed."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    engine: "PynetdicomEngine"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: the traceback would quote what came in."""


class PynetdicomEngine:
    """Accepts C-ECHO, and C-STORE of the storage classes and transfer syntaxes that the policy allows."""

    def __init__(
        self,
        host: str,
        port: int,
        ae_title: str,
        policy: Policy | None = None,
        tls: ServerTLS | None = None,
        *,
        limits: ReceiverLimits | None = None,
    ) -> None:
        """Configure.

        Args:
            host: Address to listen on.
            port: Port to listen on; 0 takes a free one.
            ae_title: Our AE title, for people; which called AE titles are accepted is the policy's matter.
            policy: Who may call, and with what; everybody by default.
            tls: Makes each connection one with TLS; None for a port without.
            limits: How many associations, and how long they wait.
        """
        silence()
        self.limits = limits or ReceiverLimits()
        _config.UNRESTRICTED_STORAGE_SERVICE = True
        _config.LOG_HANDLER_LEVEL = "none"
        self._address = (host, port)
        self._policy = policy or Everybody()
        self._tls = tls
        self._entity = AE(ae_title)
        self._entity.add_supported_context(Verification)
        for uid in SERVED:
            self._entity.add_supported_context(uid, sorted(UNCOMPRESSED))
        self._entity.maximum_pdu_size = MAXIMUM_PDU_BYTES
        self._entity.maximum_associations = self.limits.associations
        self._entity.network_timeout = self.limits.silence
        self._entity.acse_timeout = self.limits.request
        self._links: dict[Any, _Link] = {}
        self._lock = threading.Lock()
        self._this_thread = threading.local()
        self._listener: Listener
        self._server: Any = None
        self._watchman: Watchman | None = None

    def start(self, listener: Listener) -> tuple[str, int]:
        """Begin to accept associations; returns host and port."""
        self._listener = listener
        handlers = [
            (evt.EVT_CONN_OPEN, self._connected),
            (evt.EVT_ESTABLISHED, self._established),
            (evt.EVT_REJECTED, self._full),
            (evt.EVT_CONN_CLOSE, self._closed),
            (evt.EVT_DATA_RECV, self._heard),
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_N_ACTION, self._serve, [Operation.N_ACTION, "ActionInformation"]),
            (evt.EVT_N_CREATE, self._serve, [Operation.N_CREATE, "AttributeList"]),
            (evt.EVT_N_SET, self._serve, [Operation.N_SET, "ModificationList"]),
            (evt.EVT_N_GET, lambda _: (UNRECOGNIZED_OPERATION, None)),
            (evt.EVT_N_EVENT_REPORT, lambda _: (UNRECOGNIZED_OPERATION, None)),
            (evt.EVT_N_DELETE, lambda _: UNRECOGNIZED_OPERATION),
            (evt.EVT_RELEASED, self._released),
            (evt.EVT_ACSE_RECV, self._told),
            (evt.EVT_DIMSE_SENT, self._answered),
        ]
        try:
            self._server = self._entity.make_server(
                self._address, evt_handlers=handlers, server_class=_Server, request_handler=_Handler
            )
        except OSError as error:
            host, port = self._address
            raise ListenError(f"Port {port} on {host} cannot be listened on: {error.strerror}.") from error
        self._server.engine = self
        self._watchman = Watchman(self.limits, self._look)
        threading.Thread(target=self._server.serve_forever, name="acceptor", daemon=True).start()
        host, port = self._server.server_address[:2]
        return str(host), int(port)

    def stop(self, grace_seconds: float) -> None:
        """Accept no more, let each association finish its object, abort it, wait for its end."""
        socketserver.BaseServer.shutdown(self._server)
        self._server.server_close()
        deadline = time.monotonic() + grace_seconds
        with self._lock:  # a connection that has not asked for an association yet has nothing to finish
            links = [link for link in self._links.values() if link.listener is not None]
        for link in links:
            link.between_objects.wait(max(0.0, deadline - time.monotonic()))
        for link in links:
            if link.association.is_established:
                link.ending = "aborted"
                link.association.abort()
        for link in links:
            link.followed.wait(ABORT_SECONDS)
        if self._watchman is not None:
            self._watchman.close()

    def link_of_this_thread(self) -> _Link:
        """The association that this server thread has just started."""
        link: _Link = self._this_thread.link
        return link

    def follow(self, link: _Link) -> None:
        """Wait for the association's thread to end and tell it; nothing can be stored after that."""
        link.association.join()
        try:
            if link.listener is not None:
                link.listener.ended(link.ending)
            else:
                self._tell_malformed(link)
        finally:
            if link.admission is not None:
                link.admission.close()
            link.between_objects.set()
            link.followed.set()
            with self._lock:
                self._links.pop(link.association, None)

    def secure(self, connection: socket.socket, address: str) -> socket.socket | None:
        """Wait for the first byte, and do the TLS handshake if there is to be one; None if nothing comes of it."""
        caller = Caller("", "", address)
        connection.settimeout(self.limits.request)
        self._this_thread.watched = watched = Watched(self.limits)
        try:
            first = connection.recv(1, socket.MSG_PEEK)
            connection.settimeout(None)
            if not first:  # somebody looked whether the port is open
                return None
            if self._tls is not None:
                return counted(self._tls.wrap(connection, self.limits.handshake / 2), watched)
        except TimeoutError:
            self._listener.troubled(caller, "no-request", f"{self.limits.request:g}")
            return None
        except HandshakeError as error:
            self._listener.troubled(caller, error.cause, error.detail)
            return None
        except OSError:
            return None
        self._this_thread.is_told = first[0] != _ASSOCIATE_RQ
        if first[0] == _TLS_HANDSHAKE:
            self._listener.troubled(caller, "tls-on-plain-port")
        elif first[0] != _ASSOCIATE_RQ:
            self._listener.troubled(caller, "not-dicom", f"first byte {first[0]:#04x}")
        return counted(connection, watched)

    def _look(self, seconds: float) -> None:
        """End the associations that are too slow; what of it pynetdicom reads as a connection that was lost."""
        with self._lock:
            links = list(self._links.values())
        for link in links:
            fault = link.watched.fault(seconds)
            connection = link.association.dul.socket
            if fault is None or connection is None or connection.socket is None:
                continue
            if link.listener is not None:
                link.listener.troubled(*fault)
            elif not link.is_told:
                link.is_told = True
                self._listener.troubled(link.caller, *fault)
            link.ending = "aborted"
            end([connection.socket])

    def _ask(self, link: _Link) -> Admission | Rejection:
        """Ask the policy about a request that has come."""
        link.watched.is_asked = True
        request = link.association.requestor.primitive
        link.caller = replace(
            link.caller,
            calling_ae=str(request.calling_ae_title).strip(),
            called_ae=str(request.called_ae_title).strip(),
        )
        answer = self._policy.admit(link.caller)
        if isinstance(answer, Admission):
            link.admission = answer
        else:
            link.is_told = True
            self._listener.troubled(link.caller, answer.cause, answer.detail, answer.peer)
        return answer

    def _closed(self, event: Any) -> None:
        """The connection has ended; the association's thread may wait for a request for half a minute yet."""
        link = self._links.get(event.assoc)
        if link is not None and link.listener is None and link.admission is None:
            self._tell_malformed(link)

    def _tell_malformed(self, link: _Link) -> None:
        with self._lock:
            is_told, link.is_told = link.is_told, True
        if not is_told:
            self._listener.troubled(link.caller, "associate-malformed", "it cannot be decoded")

    def _full(self, event: Any) -> None:
        """Pynetdicom itself has rejected, which it does for the number of associations alone."""
        link = self._links[event.assoc]
        link.is_told = True
        self._listener.troubled(link.caller, "receiver-full", str(self.limits.associations))

    def _connected(self, event: Any) -> None:
        link = _Link(event.assoc, self._this_thread.watched)
        link.is_told = getattr(self._this_thread, "is_told", False)
        link.caller = _connecting(event.assoc)
        event.assoc.acse = Negotiation(event.assoc, lambda: self._ask(link))
        self._this_thread.link = link
        with self._lock:
            self._links[event.assoc] = link

    def _established(self, event: Any) -> None:
        link = self._links[event.assoc]
        if link.admission is None:
            raise AssertionError
        caller = link.caller
        link.listener = self._listener.opened(Peer(caller.calling_ae, caller.called_ae, caller.address, link.admission))

    def _heard(self, event: Any) -> None:
        link = self._links.get(event.assoc)
        if link is not None:
            link.watched.whole()
        if link is not None and link.listener is not None:
            link.watched.is_inside = True
            link.between_objects.clear()
            link.listener.heard()

    def _store(self, event: Any) -> int:
        link = self._links[event.assoc]
        if link.listener is None:
            raise AssertionError
        command = StoreCommand(
            sop_class_uid=str(event.request.AffectedSOPClassUID),
            sop_instance_uid=str(event.request.AffectedSOPInstanceUID),
            transfer_syntax_uid=str(event.context.transfer_syntax),
        )
        link.watched.is_busy = True
        reception = link.listener.begin(command)
        with event.request.DataSet.getbuffer() as data:
            reception.write(data)
        return reception.finish()

    def _serve(self, event: Any, operation: Operation, data_set_name: str) -> tuple[int, Dataset | None]:
        """A request of a service other than storage."""
        link, asked = self._links[event.assoc], event.request
        if link.listener is None:
            raise AssertionError
        sop_class_uid = str(getattr(asked, "AffectedSOPClassUID", None) or asked.RequestedSOPClassUID)
        if not is_served(sop_class_uid, operation):
            return UNRECOGNIZED_OPERATION, None
        encoded = getattr(asked, data_set_name)
        data_set = b"" if encoded is None else encoded.getvalue()
        if len(data_set) > MAXIMUM_DATA_SET_BYTES:
            return RESOURCE_LIMITATION, None
        link.watched.is_busy = True
        answer = link.listener.serve(
            ServiceRequest(
                operation=operation,
                sop_class_uid=sop_class_uid,
                sop_instance_uid=str(
                    getattr(asked, "AffectedSOPInstanceUID", None)
                    or getattr(asked, "RequestedSOPInstanceUID", None)
                    or ""
                ),
                type_id=int(getattr(asked, "ActionTypeID", None) or 0),
                transfer_syntax_uid=str(event.context.transfer_syntax),
                data_set=data_set,
            )
        )
        made = Dataset()
        if answer.status == SUCCESS and answer.sop_instance_uid:
            made.AffectedSOPInstanceUID = answer.sop_instance_uid  # pynetdicom takes it from here into the response
        return answer.status, made

    def _released(self, event: Any) -> None:
        self._links[event.assoc].ending = "released"

    def _told(self, event: Any) -> None:
        """An abort that the sender's upper layer sent (A-ABORT), not one that a lost connection implies (A-P-ABORT)."""
        if isinstance(event.primitive, A_ABORT):
            self._links[event.assoc].ending = "aborted"

    def _answered(self, event: Any) -> None:
        link = self._links[event.assoc]
        link.watched.is_busy = link.watched.is_inside = False
        link.between_objects.set()


def _connecting(association: Any) -> Caller:
    """Who has connected, before a request is heard."""
    connection = association.dul.socket.socket
    encrypted = isinstance(connection, ssl.SSLSocket)
    certificate: ClientCertificate | None = shown_by(connection) if encrypted else None
    return Caller("", "", str(association.requestor.address), encrypted, certificate)
