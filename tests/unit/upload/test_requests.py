"""Heads and bodies of requests (RFC 9112): what two readers could read in two ways is refused."""

import socket
import threading

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.dicom.fast.wire import Wire
from processors.dicom.upload.body import Body, length_of
from processors.dicom.upload.errors import RequestError
from processors.dicom.upload.head import MAXIMUM_HEAD_BYTES, RequestHead, read_head
from processors.dicom.upload.order import Order, read_order
from processors.dicom.upload.patience import Patience
from tests.unit.upload.bodies import BOUNDARY, RELATED


class Fed:
    """A connection that brings given bytes, read through a small buffer."""

    def __init__(self, content: bytes) -> None:
        ours, theirs = socket.socketpair()
        self.sockets = (ours, theirs)
        self._writer = threading.Thread(target=self._write, args=(theirs, content))
        self._writer.start()
        self.wire = Wire(ours, lambda: None, lambda: None, buffer_bytes=97)
        self.wire.wait_at_most(60)

    def _write(self, theirs: socket.socket, content: bytes) -> None:
        try:
            theirs.sendall(content)
            theirs.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def __enter__(self) -> Wire:
        return self.wire

    def __exit__(self, *_: object) -> None:
        self.sockets[0].close()
        self._writer.join()
        self.sockets[1].close()


def head_of(content: bytes) -> RequestHead:
    with Fed(content) as wire:
        return read_head(wire)


def order_of(*lines: str, method: str = "POST", target: str = "/studies") -> Order:
    fields = {"Content-Type": RELATED, "Content-Length": "1"} | dict(line.split(": ", 1) for line in lines)
    text = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value != "-")
    return read_order(head_of(f"{method} {target} HTTP/1.1\r\nHost: h\r\n{text}\r\n".encode("latin-1")))


def body_of(content: bytes, length: int) -> tuple[bytes, bool]:
    with Fed(content) as wire:
        body = Body(length, Patience(wire, 60.0))
        return b"".join(map(bytes, body.pieces())), body.is_read


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"\x16\x03\x01\x02\0\x01", 400),
        (b"\x01\0\0\0\0\xd0", 400),
        (b"\r\n\r\n\r\n", 400),
        (b"POST  /studies HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"POST /stu dies HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"POST /studies HTTP/1.1 \r\nHost: h\r\n\r\n", 400),
        (b"POST /studies\r\n\r\n", 400),
        (b"POST /studies HTTP/2.0\r\nHost: h\r\n\r\n", 505),
        (b"POST /studies HTTP/1.1\r\n\r\n", 400),
        (b"POST /studies HTTP/1.1\r\nHost : h\r\n\r\n", 400),
        (b"POST /studies HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n", 400),
        (b"POST /studies HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", 400),
        (b"POST /studies HTTP/1.1\r\nHost: h\0\r\n\r\n", 400),
        (b"POST /studies HTTP/1.1\r\nHost: h\r\n" + b"A: b\r\n" * 3000 + b"\r\n", 400),
        (b"POST /" + b"a" * MAXIMUM_HEAD_BYTES, 431),
        (b"POST / HTTP/1.1\r\nA: " + b"b" * MAXIMUM_HEAD_BYTES, 431),
        (b"POST http://[ HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_is_refused(content: bytes, status: int) -> None:
    with pytest.raises(RequestError) as refused:
        head_of(content)
    assert refused.value.status == status


def test_a_head_is_read_to_its_end_and_no_further() -> None:
    with Fed(b"\r\nPOST http://h:1/studies?x=y HTTP/1.1\nHOST: h\r\nX: 1\r\nx: 2\r\n\r\nBODY") as wire:
        head = read_head(wire)
        assert (head.method, head.path, head.fields) == ("POST", "/studies", {"host": "h", "x": "1, 2"})
        assert head.stays_open
        assert bytes(wire.need(4)) == b"BODY"


@pytest.mark.parametrize(
    ("line", "token"),
    [
        ("A: b", None),
        ("Authorization: Bearer abc", "abc"),
        ("authorization: bearer  abc ", "abc"),
        ("Authorization: Basic abc", ""),
        ("Authorization: Bearer", ""),
    ],
)
def test_a_bearer_token_is_known_and_another_scheme_is_a_wrong_one(line: str, token: str | None) -> None:
    assert head_of(f"POST / HTTP/1.1\r\nHost: h\r\n{line}\r\n\r\n".encode()).token == token


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"content-length": "1", "transfer-encoding": "chunked"}, 400),
        ({"content-length": "1, 1"}, 400),
        ({"content-length": "+1"}, 400),
        ({"content-length": "-1"}, 400),
        ({"content-length": "1" * 19}, 400),
        ({"content-length": "0x10"}, 400),
        ({"content-length": "\u0661"}, 400),
        ({"transfer-encoding": "gzip, chunked"}, 501),
        ({"transfer-encoding": "chunked, chunked"}, 501),
        ({"transfer-encoding": "identity"}, 501),
    ],
)
def test_a_length_that_can_be_read_in_two_ways_is_refused(fields: dict[str, str], status: int) -> None:
    with pytest.raises(RequestError) as refused:
        length_of(fields)
    assert refused.value.status == status


def chunked_by_h11(parts: list[bytes]) -> bytes:
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="POST", target="/", headers=[("Host", "h"), ("Transfer-Encoding", "chunked")]))
    sent = b"".join(client.send(h11.Data(data=part)) or b"" for part in parts)
    return sent + (client.send(h11.EndOfMessage(headers=[("X-Trailer", "y")])) or b"")


@given(parts=st.lists(st.binary(min_size=1, max_size=300), max_size=6))
def test_a_body_in_chunks_as_h11_writes_them_is_what_was_written(parts: list[bytes]) -> None:
    assert body_of(chunked_by_h11(parts) + b"next", -1) == (b"".join(parts), True)


@pytest.mark.parametrize(
    "content",
    [
        b"\r\n",
        b"x\r\n",
        b"-1\r\n",
        b"0x1\r\na\r\n0\r\n\r\n",
        b" 1\r\na\r\n0\r\n\r\n",
        b"1\na\r\n0\r\n\r\n",
        b"1\r\nab\r\n0\r\n\r\n",
        b"1" * 16 + b"\r\n",
        b"1;" + b"e" * 2000 + b"\r\na\r\n0\r\n\r\n",
        b"0\r\nno field\r\n\r\n",
        b"0\r\n" + b"A: b\r\n" * 3000 + b"\r\n",
    ],
)
def test_chunks_that_are_none_end_the_request(content: bytes) -> None:
    with pytest.raises(RequestError) as refused:
        body_of(content, -1)
    assert refused.value.status == 400


@pytest.mark.parametrize("target", ["/studies", "/studies?x", "http://anything:80/studies"])
def test_instances_of_any_study_go_to_studies(target: str) -> None:
    order = order_of(target=target)
    assert (order.boundary, order.study_instance_uid, order.length) == (BOUNDARY, None, 1)


def test_what_is_wanted_is_read_from_target_and_fields() -> None:
    assert order_of(target="/studies/1.2.3").study_instance_uid == "1.2.3"
    assert order_of("Content-Type: application/dicom", target="/instances").boundary is None
    assert order_of("Content-Type: application/octet-stream", target="/studies").boundary is None
    assert order_of("Content-Type: multipart/related; boundary=a").boundary == "a"
    assert order_of("Expect: 100-continue").wants_go_ahead
    assert order_of("Content-Length: -", "Transfer-Encoding: chunked").length < 0


@pytest.mark.parametrize(
    ("status", "order"),
    [
        (404, {"target": "/"}),
        (404, {"target": "/studies/1.2/series"}),
        (404, {"target": "/studies/../studies"}),
        (404, {"target": "//studies"}),
        (400, {"target": "/studies/"}),
        (400, {"target": "/studies/%2e%2e"}),
        (400, {"target": "/studies/.%00"}),
        (400, {"target": f"/studies/{'1' * 65}"}),
        (405, {"method": "GET"}),
        (405, {"method": "OPTIONS"}),
    ],
)
def test_other_targets_and_methods_are_not_served(status: int, order: dict[str, str]) -> None:
    with pytest.raises(RequestError) as refused:
        order_of(**order)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ('Content-Type: multipart/related; type="application/dicom+json"; boundary=a', 415),
        ('Content-Type: multipart/related; type="application/dicom+xml"; boundary=a', 415),
        ("Content-Type: multipart/related; type=image/jpeg; boundary=a", 415),
        ("Content-Type: multipart/related; type=application/dicom", 400),
        ("Content-Type: multipart/form-data; boundary=a", 415),
        ("Content-Type: application/x-www-form-urlencoded", 415),
        ("Content-Type: -", 415),
        ("Content-Encoding: gzip", 415),
        ("Accept: application/dicom+xml", 406),
        ("Accept: application/dicom+json;q=0, text/html", 406),
        ("Expect: the-moon", 417),
        ("Content-Length: 0", 400),
        ("Content-Length: -", 411),
    ],
)
def test_other_bodies_and_wishes_are_not_served(line: str, status: int) -> None:
    with pytest.raises(RequestError) as refused:
        order_of(line)
    assert refused.value.status == status


@pytest.mark.parametrize(
    "accept", ["*/*", "application/json", "text/html, application/*;q=0.1", "application/dicom+json; charset=utf-8"]
)
def test_whoever_takes_json_gets_an_answer(accept: str) -> None:
    assert order_of(f"Accept: {accept}").boundary == BOUNDARY


def test_a_single_file_is_all_that_instances_takes() -> None:
    with pytest.raises(RequestError) as refused:
        order_of(target="/instances")
    assert refused.value.status == 415


@pytest.mark.parametrize("name", ["type", "boundary"])
def test_a_request_whose_parameters_have_a_character_set_is_read_or_refused(name: str) -> None:
    with pytest.raises(RequestError) as refused:
        order_of(f"Content-Type: multipart/related; {name}*=utf-8''a")
    assert refused.value.status == 400
