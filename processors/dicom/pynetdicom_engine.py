"""The network engine on pynetdicom, by its supported settings; the reference for faster ones.

Each object is in memory while it arrives: pynetdicom's chunked reception would keep it on disk, but leaves an orphan
when the sender goes away in mid-object, and its file could not be hashed without reading it again. Per association
there is one more thread here, which waits for pynetdicom's: the end is told once, after the last object, whatever
happened.
"""

import socket
import socketserver
import threading
import time
from typing import Any, Final

from pynetdicom import AE, _config, evt
from pynetdicom.pdu_primitives import A_ABORT
from pynetdicom.sop_class import Verification
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from processors.dicom.engine import AssociationListener, Listener, Peer, StoreCommand
from processors.dicom.errors import ListenError
from processors.dicom.silence import silence
from processors.ledger.associations import Ending

MAXIMUM_PDU_BYTES: Final = 131072
MAXIMUM_ASSOCIATIONS: Final = 500
SILENT_PEER_SECONDS: Final = 3600.0
"""An association without a byte for so long is aborted; its deliveries were sealed long before."""
ABORT_SECONDS: Final = 10.0
"""How long an aborted association may take to end when we stop."""


class _Link:
    """One association of pynetdicom and what it is told to."""

    def __init__(self, association: Any) -> None:
        self.association = association
        self.listener: AssociationListener | None = None
        self.ending: Ending = "lost"
        self.between_objects = threading.Event()
        self.between_objects.set()
        self.followed = threading.Event()


class _Handler(RequestHandler):  # type: ignore[misc] # pynetdicom is untyped
    """Starts an association and waits for its end."""

    def handle(self) -> None:
        """Run in a thread of the server's own."""
        super().handle()
        engine: PynetdicomEngine = self.server.engine
        engine.follow(engine.link_of_this_thread())


class _Server(ThreadedAssociationServer):  # type: ignore[misc] # pynetdicom is untyped
    """A server whose connections do not wait (Nagle) and whose errors are not printed."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    engine: "PynetdicomEngine"

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection."""
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: the traceback would quote what came in."""


class PynetdicomEngine:
    """Accepts C-ECHO, and C-STORE of every storage class in the first transfer syntax that the sender proposes."""

    def __init__(self, host: str, port: int, ae_title: str) -> None:
        """Configure.

        Args:
            host: Address to listen on.
            port: Port to listen on; 0 takes a free one.
            ae_title: Our AE title, for people; any called AE title is accepted and recorded.
        """
        silence()
        _config.UNRESTRICTED_STORAGE_SERVICE = True
        _config.LOG_HANDLER_LEVEL = "none"
        self._address = (host, port)
        self._entity = AE(ae_title)
        self._entity.add_supported_context(Verification)
        self._entity.maximum_pdu_size = MAXIMUM_PDU_BYTES
        self._entity.maximum_associations = MAXIMUM_ASSOCIATIONS
        self._entity.network_timeout = SILENT_PEER_SECONDS
        self._links: dict[Any, _Link] = {}
        self._lock = threading.Lock()
        self._this_thread = threading.local()
        self._listener: Listener
        self._server: Any = None

    def start(self, listener: Listener) -> tuple[str, int]:
        """Begin to accept associations; returns host and port."""
        self._listener = listener
        handlers = [
            (evt.EVT_CONN_OPEN, self._connected),
            (evt.EVT_ESTABLISHED, self._established),
            (evt.EVT_DATA_RECV, self._heard),
            (evt.EVT_C_STORE, self._store),
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
        finally:
            link.between_objects.set()
            link.followed.set()
            with self._lock:
                self._links.pop(link.association, None)

    def _connected(self, event: Any) -> None:
        link = _Link(event.assoc)
        self._this_thread.link = link
        with self._lock:
            self._links[event.assoc] = link

    def _established(self, event: Any) -> None:
        request = event.assoc.requestor.primitive
        peer = Peer(
            calling_ae=str(request.calling_ae_title).strip(),
            called_ae=str(request.called_ae_title).strip(),
            address=str(event.assoc.requestor.address),
        )
        self._links[event.assoc].listener = self._listener.opened(peer)

    def _heard(self, event: Any) -> None:
        link = self._links.get(event.assoc)
        if link is not None and link.listener is not None:
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
        reception = link.listener.begin(command)
        with event.request.DataSet.getbuffer() as data:
            reception.write(data)
        return reception.finish()

    def _released(self, event: Any) -> None:
        self._links[event.assoc].ending = "released"

    def _told(self, event: Any) -> None:
        """An abort that the sender's upper layer sent (A-ABORT), not one that a lost connection implies (A-P-ABORT)."""
        if isinstance(event.primitive, A_ABORT):
            self._links[event.assoc].ending = "aborted"

    def _answered(self, event: Any) -> None:
        self._links[event.assoc].between_objects.set()
