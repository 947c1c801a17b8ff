"""A peer that writes PDUs byte by byte, and a receiver that only remembers what an association told it."""

import socket
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import build_context
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import A_ASSOCIATE, ImplementationClassUIDNotification, MaximumLengthNotification
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from processors.dicom.admission import Caller, Everybody, Policy, Rejection
from processors.dicom.engine import Peer, StoreCommand
from processors.dicom.fast.association import Association, Connection, Timers
from processors.dicom.services import ServiceAnswer, ServiceRequest

ECHO, CT = 1, 3
"""Ids of the contexts that `request` proposes."""


@dataclass
class Reception:
    """One object, and what became of it."""

    command: StoreCommand
    content: bytearray = field(default_factory=bytearray)
    end: str = ""

    def write(self, *pieces: bytes | memoryview) -> None:
        for piece in pieces:
            self.content += piece

    def finish(self) -> int:
        self.end = "finished"
        return 0

    def abandon(self) -> None:
        self.end = "abandoned"


@dataclass
class Remembers:
    """A receiver and its one association."""

    objects: list[Reception] = field(default_factory=list)
    endings: list[str] = field(default_factory=list)
    troubles: list[tuple[str, str]] = field(default_factory=list)
    peers: list[Peer] = field(default_factory=list)
    requests: list[ServiceRequest] = field(default_factory=list)
    answer: ServiceAnswer = field(default_factory=ServiceAnswer)
    told: threading.Event = field(default_factory=threading.Event)

    def opened(self, peer: Peer) -> "Told":
        self.peers.append(peer)
        return Told(self)

    def troubled(self, caller: Caller, cause: str, detail: str = "", peer: str = "") -> None:
        self.troubles.append((cause, detail))


@dataclass
class Told:
    """What an engine calls."""

    by: Remembers

    def heard(self) -> None:
        pass

    def begin(self, command: StoreCommand) -> Reception:
        self.by.objects.append(Reception(command))
        return self.by.objects[-1]

    def serve(self, request: ServiceRequest) -> ServiceAnswer:
        self.by.requests.append(request)
        return self.by.answer

    def troubled(self, cause: str, detail: str = "") -> None:
        self.by.troubles.append((cause, detail))

    def ended(self, ending: str) -> None:
        self.by.endings.append(ending)
        self.by.told.set()


class RawPeer:
    """One connection to an association of the fast engine that runs in a thread of its own."""

    def __init__(
        self, timers: Timers | None = None, policy: Policy | None = None, is_full: Rejection | None = None
    ) -> None:
        self.receiver = Remembers()
        ours, theirs = socket.socketpair()
        self.connection = ours
        ours.settimeout(60)
        self.association = Association(
            Connection(theirs, "192.0.2.1"), self.receiver, policy or Everybody(), is_full, timers or Timers()
        )
        self.thread = threading.Thread(target=self.association.run, daemon=True)
        self.thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        self.thread.join(60)
        assert not self.thread.is_alive()

    def send(self, content: bytes) -> None:
        self.connection.sendall(content)

    def answer(self) -> tuple[int, bytes]:
        """Type and variable field of the next PDU; type 0 once the connection is closed."""
        head = self._read(6)
        if not head:
            return 0, b""
        kind, length = struct.unpack(">BxI", head)
        return kind, self._read(length)

    def associate(self) -> None:
        """Be in Sta6."""
        self.send(request())
        assert self.answer()[0] == 2

    def released(self) -> None:
        """Be in Sta13, after a release."""
        self.associate()
        self.send(pdu(5, bytes(4)))
        assert self.answer()[0] == 6

    def closed(self) -> bool:
        """Whether nothing comes any more, and the connection is closed."""
        return self.answer() == (0, b"")

    def _read(self, count: int) -> bytes:
        content = b""
        while len(content) < count:
            try:
                more = self.connection.recv(count - len(content))
            except ConnectionResetError:
                return b""
            if not more:
                return b""
            content += more
        return content


def pdu(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxI", kind, len(content)) + content


def pdv(context: int, control: int, fragment: bytes) -> bytes:
    return struct.pack(">IBB", len(fragment) + 2, context, control) + fragment


def command(field: int, *, data: bool = False, uid: str = "1.2.3", sop_class: str = str(CTImageStorage)) -> bytes:
    """A request's command set; message id 7."""

    def element(number: int, value: bytes) -> bytes:
        value += b"\0" * (len(value) % 2)
        return struct.pack("<HHI", 0, number, len(value)) + value

    def short(number: int, value: int) -> bytes:
        return element(number, struct.pack("<H", value))

    body = element(0x0002, sop_class.encode()) + short(0x0100, field) + short(0x0110, 7)
    if field == 1:
        body += short(0x0700, 0)
    body += short(0x0800, 0x0000 if data else 0x0101)
    if field == 1:
        body += element(0x1000, uid.encode())
    return element(0x0000, struct.pack("<I", len(body))) + body


def echo() -> bytes:
    return pdu(4, pdv(ECHO, 3, command(0x30, sop_class=str(Verification))))


def store(content: bytes, uid: str = "1.2.3") -> bytes:
    """A C-STORE in two PDUs."""
    return pdu(4, pdv(CT, 3, command(1, data=True, uid=uid))) + pdu(4, pdv(CT, 2, content))


def request(contexts: Sequence[Any] = (), items: Sequence[Any] = (), called: str = "SLUICE") -> bytes:
    """An A-ASSOCIATE-RQ, by pynetdicom."""
    asked = A_ASSOCIATE()
    asked.application_context_name = UID("1.2.840.10008.3.1.1.1")
    asked.calling_ae_title, asked.called_ae_title = "CT1", called
    proposed = list(contexts) or [build_context(Verification), build_context(CTImageStorage, ExplicitVRLittleEndian)]
    for number, context in enumerate(proposed):
        context.context_id = 2 * number + 1
    asked.presentation_context_definition_list = proposed
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received = 16384
    implementation.implementation_class_uid = UID("1.2.3.4")
    asked.user_information = [length, implementation, *items]
    encoded = A_ASSOCIATE_RQ()
    encoded.from_primitive(asked)
    return bytes(encoded.encode())


def accepted(content: bytes) -> Any:
    """What an A-ASSOCIATE-AC with this variable field says, by pynetdicom."""
    decoded = A_ASSOCIATE_AC()
    decoded.decode(pdu(2, content))
    return decoded.to_primitive()
