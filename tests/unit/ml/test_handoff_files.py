"""The way to files by the handoff: what is lost is asked for again, what is wrong is not believed, no token is told."""

import errno
import hashlib
import http.client
import json
import ssl
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

import pytest

from handoff.contract import environment as names
from ml import handoff_files
from ml.errors import BatchError, HandoffError, PublishedError
from ml.files import opened, result_folder
from ml.handoff_files import HandoffFiles
from ml.handoff_server import HandoffServer
from ml.run_pass import PassOfEngine, PassOfFile
from tests.certificates import TestAuthority

RUN, TOKEN, KEY = "1" * 32, "sluice_run_secret", "a" * 64
STORE, RESULTS = "s3://bucket/store", "s3://bucket/store/results"
OWN = f"results/{KEY}"
LOST = "lost"


class Scripted(ThreadingHTTPServer):
    """Gives one answer after another, (status, headers, body) or LOST, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        self.script, self.asked = [], []
        self.tls: ssl.SSLContext | None = None
        """What it speaks TLS by, from the next connection on."""
        super().__init__(("127.0.0.1", 0), Asked)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def get_request(self):
        connection, address = super().get_request()
        if self.tls is not None:
            connection = self.tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request: object, client_address: object) -> None:
        """Who does not trust this server goes away; not on a test's screen."""


class Clock:
    """Says one time after another."""

    def __init__(self, times: list[float]) -> None:
        self.times = times

    def __call__(self) -> float:
        return self.times.pop(0)


class Asked(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        given = self.server.script.pop(0)
        if given == LOST:
            self.close_connection = True
            return
        status, headers, content = given
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.close_connection |= headers.get("Content-Length", str(len(content))) != str(len(content))

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = answer  # noqa: N815 - as http.server calls them

    def log_message(self, *arguments: object) -> None:
        """Not on a test's screen."""


@pytest.fixture
def server():
    server = Scripted()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
    assert server.script == [], "every answer was asked for"


@pytest.fixture
def token_file(tmp_path):
    file = tmp_path / "token"
    file.write_text(TOKEN)
    return file


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def asking(server):
    """Ways to ask, whose connections end with the test."""
    made = []

    def make(url: str = server.url, *more: object, **facts: object) -> HandoffServer:
        made.append(HandoffServer(url, *more, **facts))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def files(asking, token_file, pauses):
    return HandoffFiles(asking(sleep=pauses.append), PassOfFile(RUN, token_file), STORE, RESULTS)


@pytest.fixture
def variables(server, token_file, monkeypatch):
    """What a step's environment says."""
    said = {names.HANDOFF_URL: server.url, names.STORE_URI: STORE, names.RESULTS_URI: RESULTS, names.RUN: RUN}
    for name, value in {**said, names.RUN_TOKEN_FILE: str(token_file)}.items():
        monkeypatch.setenv(name, value)
    handoff_files._known.cache_clear()
    yield
    with suppress(HandoffError):
        handoff_files.handoff_files().server.close()
    handoff_files._known.cache_clear()


def yes(content: bytes = b"", status: int = 200, **headers: str):
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, content


def no(status: int, code: str, **headers: str):
    return yes(json.dumps({"code": code, "detail": "of somebody"}).encode(), status, **headers)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_uris_are_names_for_paths_and_those_of_another_place_are_left_alone(files):
    assert files.path_of(f"{STORE}/batches/b/batch.jsonl") == "batches/b/batch.jsonl"
    assert files.path_of(f"{RESULTS}/{KEY}") == OWN
    assert files.path_of("file:///elsewhere/batch.jsonl") is None
    assert files.path_of(f"{STORE}-other/x") is None


def test_a_file_is_asked_for_by_the_token_in_one_header(server, files):
    server.script = [yes(b"lines", Sluice_SHA256=sha256(b"lines"))]
    assert files.read("batches/b/batch.jsonl") == b"lines"
    ((method, path, headers, _),) = server.asked
    assert (method, path) == ("GET", f"/v1/runs/{RUN}/files/batches/b/batch.jsonl")
    assert headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("again", [LOST, no(503, "database-busy"), no(429, "too-many"), no(500, "internal")])
def test_what_is_lost_or_busy_is_asked_for_again(server, files, again, pauses):
    server.script = [again, again, yes(b"lines")]
    assert files.read("x") == b"lines"
    assert len(pauses) == 2
    assert all(0 < pause <= 0.4 for pause in pauses)


def test_nothing_is_asked_before_the_time_that_the_handoff_names(server, files, pauses):
    server.script = [no(503, "stopping", Retry_After="7"), yes(b"lines")]
    assert files.read("x") == b"lines"
    assert pauses == [7.0]


def test_a_download_that_broke_off_goes_on_at_its_byte(server, files):
    rest = {"Content_Range": "bytes 3-7/8", "Sluice_SHA256": sha256(b"abcdefgh")}
    server.script = [yes(b"abc", Content_Length="8"), yes(b"defgh", 206, **rest)]
    assert files.read("x") == b"abcdefgh"
    assert server.asked[1][2]["Range"] == "bytes=3-"


def test_a_download_that_nobody_goes_on_with_begins_anew(server, files):
    server.script = [yes(b"abc", Content_Length="8"), yes(b"abcdefgh")]
    assert files.read("x") == b"abcdefgh"


def test_bytes_of_another_digest_are_asked_for_again_and_never_believed(server, files):
    wrong = yes(b"spoilt", Sluice_SHA256=sha256(b"lines"))
    server.script = [wrong, yes(b"lines", Sluice_SHA256=sha256(b"lines"))]
    assert files.read("x") == b"lines"
    server.script = [wrong] * 3
    with pytest.raises(BatchError, match="digest differs"):
        files.read("x")


def test_a_put_whose_answer_was_lost_is_sent_again_with_its_digest(server, files, tmp_path):
    (tmp_path / "f").write_bytes(b"content")
    server.script = [LOST, yes(b"{}", 201)]
    files.put(f"{OWN}/f", tmp_path / "f")
    assert [body for *_, body in server.asked] == [b"content"] * 2
    assert {headers["Sluice-SHA256"] for _, _, headers, _ in server.asked} == {sha256(b"content")}


def test_a_result_whose_answer_was_lost_is_there_and_another_ones_is_not_ours(server, files, tmp_path):
    (tmp_path / "f").write_bytes(b"result")
    server.script = [LOST, no(409, "run-published"), yes(b"result")]
    files.put(f"{OWN}/result.json", tmp_path / "f")
    server.script = [LOST, no(409, "run-published"), yes(b"another")]
    with pytest.raises(PublishedError):
        files.put(f"{OWN}/result.json", tmp_path / "f")
    server.script = [no(409, "run-published")]
    with pytest.raises(PublishedError):
        files.put(f"{OWN}/result.json", tmp_path / "f")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (no(404, "not-found"), BatchError),
        (no(422, "invalid"), BatchError),
        (no(410, "withdrawn"), BatchError),
        (no(403, "forbidden"), HandoffError),
        (no(409, "run-not-at-work"), HandoffError),
        (yes(b"", 302, Location="http://127.0.0.1:1/"), HandoffError),
    ],
)
def test_a_refusal_ends_it_at_once_and_tells_no_token(server, variables, answer, error):
    server.script = [answer]
    with pytest.raises(error) as raised:
        opened(f"{STORE}/batches/other/batch.jsonl")
    assert len(server.asked) == 1
    assert TOKEN not in repr(raised.value) + str(raised.value)
    assert "of somebody" not in str(raised.value)


def test_a_token_that_does_not_hold_is_read_anew_once(server, files, token_file):
    server.script = [yes(b"before"), no(401, "unauthorized"), yes(b"after")]
    assert files.read("x") == b"before"
    token_file.write_text("sluice_run_newer\n")
    assert files.read("x") == b"after"
    assert server.asked[-1][2]["Authorization"] == "Bearer sluice_run_newer"
    server.script = [no(401, "unauthorized")] * 2
    with pytest.raises(HandoffError, match="does not hold") as raised:
        files.read("x")
    assert "sluice_run" not in str(raised.value)


def test_a_handoff_by_tls_is_known_by_its_authority_or_gets_no_token(server, asking, token_file, tmp_path):
    authority = TestAuthority.new(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("handoff"))
    server.tls = context
    url = server.url.replace("http:", "https:")
    files = HandoffFiles(asking(url), PassOfFile(RUN, token_file), STORE, RESULTS)
    with pytest.raises(HandoffError, match="certificate"):
        files.read("x")
    assert server.asked == []
    files.server = asking(url, authority.file)
    server.script = [yes(b"lines")]
    assert files.read("x") == b"lines"


def test_patience_ends_with_an_error_that_names_neither_address_nor_token(server, asking, token_file):
    files = HandoffFiles(asking(patience_seconds=0.0), PassOfFile(RUN, token_file), STORE, RESULTS)
    server.script = [no(503, "store-down")]
    with pytest.raises(HandoffError) as raised:
        files.read("x")
    assert str(raised.value) == "the handoff did not answer (store-down)."
    assert TOKEN not in repr(files)


def test_patience_begins_anew_with_each_piece_of_a_file_that_takes_longer_than_it(server, asking, token_file):
    """A file of hours may be broken off by each of several restarts; only a handoff that stays away ends the step."""
    clock = Clock([0.0, 5000.0, 9000.0, 9590.0, 9601.0])
    files = HandoffFiles(asking(sleep=lambda _: None, clock=clock), PassOfFile(RUN, token_file), STORE, RESULTS)
    rest = {"Sluice_SHA256": sha256(b"abcdefgh")}
    server.script = [
        yes(b"abc", Content_Length="8"),
        yes(b"de", 206, Content_Range="bytes 3-7/8", Content_Length="5", **rest),
        yes(b"fgh", 206, Content_Range="bytes 5-7/8", **rest),
    ]
    assert files.read("x") == b"abcdefgh"
    server.script = [no(503, "stopping")] * 3
    with pytest.raises(HandoffError, match="did not answer"):
        files.read("x")


class FullDisk(BytesIO):
    """Takes nothing."""

    def write(self, content: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_of_the_step_is_not_taken_for_a_handoff_that_is_away(server, asking, token_file):
    files = HandoffFiles(asking(patience_seconds=0.0), PassOfFile(RUN, token_file), STORE, RESULTS)
    server.script = [yes(b"lines")]
    with pytest.raises(OSError, match="No space left"):
        files.fetch("x", FullDisk())


def test_a_file_goes_out_in_large_pieces(server, files, tmp_path, monkeypatch):
    pieces, send = [], http.client.HTTPConnection.send
    (tmp_path / "f").write_bytes(b"x" * (5 << 20))

    def measured(connection, data):
        pieces.append(connection.blocksize)
        send(connection, data)

    monkeypatch.setattr(http.client.HTTPConnection, "send", measured)
    server.script = [yes(b"{}", 201)]
    files.put(f"{OWN}/f", tmp_path / "f")
    assert min(pieces) >= 1 << 20


def test_a_step_in_a_cluster_asks_for_its_runs_token_until_the_handoff_knows_the_run(server, asking, pauses):
    given = json.dumps({"handoff": RUN, "token": TOKEN, "seconds": 60.0}).encode()
    server.script = [no(404, "run-unknown"), yes(given), yes(b"lines"), no(401, "unauthorized"), yes(given), yes(b"x")]
    one = asking(sleep=pauses.append)
    files = HandoffFiles(one, PassOfEngine(one, "run-of-kubeflow", "of-the-target"), STORE, RESULTS)
    assert files.read("x") == b"lines"
    assert files.read("x") == b"x", "with a new one, once the first one's time is over"
    asked = [(method, path, headers["Authorization"]) for method, path, headers, _ in server.asked]
    exchange = ("POST", "/v1/runs/token", "Bearer of-the-target")
    read = ("GET", f"/v1/runs/{RUN}/files/x", f"Bearer {TOKEN}")
    assert asked == [exchange, exchange, read, read, exchange, read]
    assert json.loads(server.asked[0][3]) == {"run": "run-of-kubeflow"}


def test_a_step_that_is_given_no_token_says_so(server, asking):
    server.script = [no(401, "unauthorized")]
    with pytest.raises(HandoffError, match="no token"):
        PassOfEngine(asking(), "run-of-kubeflow", "of-the-target").get()


def test_a_result_is_put_with_its_last_file_last_and_without_halves(server, variables):
    page = json.dumps({"items": [{"path": "old.json", "size": 3}], "next": None}).encode()
    server.script = [yes(page), yes(b"old"), yes(b"", 404), yes(b"", 204), yes(b"{}", 201), yes(b"{}", 201)]
    with result_folder(f"{RESULTS}/{KEY}") as folder:
        assert (folder / "old.json").read_text() == "old"
        (folder / "old.json").unlink()
        for name in ("result.json", "report.json", ".half.part"):
            (folder / name).write_text(name)
    asked = [(method, path.rpartition("files")[2]) for method, path, *_ in server.asked]
    assert asked == [
        ("GET", ""),
        ("GET", f"/{OWN}/old.json"),
        ("HEAD", f"/{OWN}/result.json"),
        ("DELETE", f"/{OWN}/old.json"),
        ("PUT", f"/{OWN}/report.json"),
        ("PUT", f"/{OWN}/result.json"),
    ]


@pytest.mark.parametrize("missing", [names.STORE_URI, names.RUN_TOKEN_FILE])
def test_an_environment_that_says_too_little_is_an_error_and_not_a_way_around(variables, monkeypatch, missing):
    monkeypatch.delenv(missing)
    with pytest.raises(HandoffError, match=missing):
        opened(f"{STORE}/batches/b/batch.jsonl")
