"""A-ASSOCIATE-RQs that no sender sends, and names that would be paths or commands, against a whole receiver."""

import json
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from processors.dicom.admission import Everybody
from processors.dicom.fast.association import Association, Connection, Timers
from processors.dicom.silence import silence
from processors.ledger.schema import connect_readonly
from tests.faults.receive.desk import Desk, an_object, element
from tests.unit.receive.raw_peer import pdu, request

pytestmark = pytest.mark.integration

HEAD = request()[6:74]
ACCEPTED, REJECTED, ABORTED = 2, 3, 7


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    silence()
    with Desk(tmp_path / "home") as desk:
        yield desk


def item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(content)) + content


def context(number: int, abstract: bytes = b"1.2.840.10008.1.1", syntaxes: tuple[bytes, ...] = (b"1.2",)) -> bytes:
    return item(0x20, bytes([number, 0, 0, 0]) + item(0x30, abstract) + b"".join(item(0x40, each) for each in syntaxes))


APPLICATION = item(0x10, b"1.2.840.10008.3.1.1.1")
USER = item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3.4")
IDENTITY = item(0x58, b"\2\0" + struct.pack(">H", 4) + b"user" + struct.pack(">H", 4) + b"pass")
ROLE = item(0x54, struct.pack(">H", 3) + b"1.2" + b"\1\1")


def asks(*items: bytes, head: bytes = HEAD) -> bytes:
    return pdu(1, head + b"".join(items))


REQUESTS = {
    "all contexts that there can be": (ACCEPTED, [*(context(2 * n + 1) for n in range(128)), item(0x50, USER)]),
    "thousands of contexts": (ABORTED, [*(context((2 * n + 1) % 256) for n in range(5000)), item(0x50, USER)]),
    "an id twice": (ABORTED, [context(1), context(1, b"1.2.840.10008.5.1.4.1.1.2"), item(0x50, USER)]),
    "thousands of syntaxes": (ABORTED, [*(context(2 * n + 1, syntaxes=(b"1.2",) * 300) for n in range(64))]),
    "thousands of user items": (ABORTED, [context(1), item(0x50, USER + ROLE * 5000)]),
    "a flood of user identities": (ABORTED, [context(1), item(0x50, USER + IDENTITY * 3000)]),
    "thousands of user informations": (ABORTED, [context(1), *[item(0x50, USER)] * 5000]),
    "only empty items": (ABORTED, [item(0, b"")] * 60_000),
    "empty contexts": (ABORTED, [item(0x20, b"")] * 60_000),
    "a context within a context": (ABORTED, [item(0x20, b"\1\0\0\0" + context(1)), item(0x50, USER)]),
    "a length that lies": (ABORTED, [context(1), struct.pack(">BxH", 0x50, 60_000) + USER]),
    "a length that lies inside": (
        ABORTED,
        [item(0x20, b"\1\0\0\0" + struct.pack(">BxH", 0x30, 999)), item(0x50, USER)],
    ),
    "half an item": (ABORTED, [context(1), b"\x50\0"]),
    "no context": (ACCEPTED, [item(0x50, USER)]),
}


def converse(desk: Desk, content: bytes) -> bytes:
    """Send it and hang up; what was answered."""
    ours, theirs = socket.socketpair()
    with ours:
        association = Association(Connection(theirs, "192.0.2.1"), desk.receiver, Everybody(), None, Timers())
        thread = threading.Thread(target=association.run, daemon=True)
        thread.start()
        ours.sendall(content)
        ours.shutdown(socket.SHUT_WR)
        answers = b""
        while more := ours.recv(1 << 20):
            answers += more
        thread.join(60)
        assert not thread.is_alive()
        return answers


@pytest.mark.parametrize("name", REQUESTS)
def test_what_is_no_request_is_aborted_unread_and_what_is_one_is_answered(desk: Desk, name: str) -> None:
    """PS3.8 9.3.2: at most 128 contexts, each with an id of its own."""
    expected, items = REQUESTS[name]
    answers = converse(desk, asks(APPLICATION, *items))
    assert answers[0] == expected
    causes = [event["cause"] for event in desk.events() if event["event"] == "trouble"]
    assert ("associate-malformed" in causes) == (expected == ABORTED)


TITLES = [
    b"../../../../etc/",
    b"\x1b[2J\x1b[31mCT1\x07",
    b"CT1\0\0\0/../x",
    b"CT1\r\nCT2",
    b"\xff\xfe\xc3\x28",
    b"\\CT1",
    b"\x7f\x08\x08",
]


@pytest.mark.parametrize("title", TITLES)
def test_an_ae_title_neither_steers_a_terminal_nor_names_a_file(desk: Desk, title: bytes, tmp_path: Path) -> None:
    head = HEAD[:4] + title.ljust(16)[:16] * 2 + HEAD[36:]
    answers = converse(desk, asks(APPLICATION, context(1), item(0x50, USER), head=head))
    assert answers[0] in {ACCEPTED, REJECTED, ABORTED}
    desk.stop()
    said = desk.log.getvalue()
    assert all(line.isprintable() and line.isascii() for line in said.splitlines())
    assert all(json.loads(line) for line in said.splitlines())
    with connect_readonly(desk.ledger) as ledger:
        titles = ledger.execute(
            "SELECT calling_ae, called_ae FROM associations UNION SELECT calling_ae, called_ae FROM troubles"
        )
        assert all(text.isprintable() for row in titles for text in row)
    assert {path.name for path in (tmp_path / "home").iterdir()} <= {
        "landing",
        "ledger.db",
        "ledger.db-wal",
        "ledger.db-shm",
    }
    desk.start()


UIDS = ["../../../evil", "/etc/passwd", "1.2.\x1b[31m", "1.2\x003", "1." + "2" * 63, "..", "1.2\n3", "1.2.ä", "con"]


@pytest.mark.parametrize("uid", UIDS)
def test_a_uid_that_is_none_is_refused_and_no_name_is_made_of_it(desk: Desk, uid: str, tmp_path: Path) -> None:
    sender = desk.associate()
    evil = uid.encode("latin-1")
    good = an_object("1.2.3")
    answers = [
        sender.store(uid, an_object_of(evil)),
        sender.store("1.2.3", good.replace(element(0x20, 0xD, b"UI", b"1.2.1"), element(0x20, 0xD, b"UI", evil))),
        sender.store("1.2.3", good.replace(element(0x20, 0xE, b"UI", b"1.2.2"), element(0x20, 0xE, b"UI", evil))),
        sender.store("1.2.4", an_object("1.2.4")),
    ]
    sender.release()
    is_harmless = uid.isprintable() and uid.isascii() and len(uid) <= 64
    of_itself = 0 if set(uid) <= set("0123456789.") and len(uid) <= 64 else 0xC000  # `..` names nothing here
    assert answers == [of_itself, *([0, 0] if is_harmless else [0xC000] * 2), 0]
    assert not [event for event in desk.events() if "fault" in str(event["event"])]
    desk.stop()
    names = {path.name for path in tmp_path.rglob("*")}
    assert not any("evil" in name or "passwd" in name or "\x1b" in name for name in names)
    assert all(line.isprintable() for line in desk.log.getvalue().splitlines())
    desk.start()


def an_object_of(uid: bytes) -> bytes:
    return an_object("1.2.3").replace(element(8, 0x18, b"UI", b"1.2.3"), element(8, 0x18, b"UI", uid))
