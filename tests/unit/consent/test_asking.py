"""Every source as one answer: whatever fails holds, and nothing but `allow` lets go on."""

import contextlib
import json
import os
import select
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from processors.consent import http_hook
from processors.consent.answer import Answer, of_people
from processors.consent.ask import Consents
from processors.consent.settings import ConsentSettings

ONE = {("1", "A")}
ECHO = "import json, sys; asked = json.load(sys.stdin); print(json.dumps({'consent': asked['patient_id']}))"


def program(code: str, timeout: float = 30.0) -> Consents:
    return Consents(ConsentSettings(command=(sys.executable, "-c", code), timeout_seconds=timeout))


@pytest.mark.parametrize("word", ["allow", "deny", "unknown"])
def test_a_program_answers_what_it_was_asked(word: str) -> None:
    assert program(ECHO).ask([((word, ""),)], "lung") is Answer(word)


def test_a_program_is_asked_on_its_input_and_never_by_arguments() -> None:
    code = (
        "import sys; said = sys.stdin.read(); "
        "print('{\"consent\": \"allow\"}' if '4711' in said and not sys.argv[1:] else 'no')"
    )
    assert program(code).ask([(("4711", ""),)], "lung") is Answer.ALLOW


@pytest.mark.parametrize(
    "code",
    [
        'print(\'{"consent": "allow"}\'); raise SystemExit(1)',
        "print('allow')",
        "print('[\"allow\"]')",
        'print(\'{"consent": "ALLOW"}\')',
        'print(\'{"consent": ["allow"]}\')',
        "print('{\"consent\": \"allow\"}' + ' ' * 5000)",
        "pass",
    ],
)
def test_anything_else_that_a_program_does_is_no_answer(code: str) -> None:
    assert program(code).ask([tuple(ONE)], "lung") is Answer.UNAVAILABLE


def test_a_program_that_is_not_there_is_no_answer(tmp_path: Path) -> None:
    consents = Consents(ConsentSettings(command=(str(tmp_path / "none"),)))
    assert consents.ask([tuple(ONE)], "lung") is Answer.UNAVAILABLE


def test_a_program_that_takes_too_long_is_ended_with_what_it_started(tmp_path: Path) -> None:
    """What the two of them write to ends for its reader only when both are gone."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    script = f"exec 3>{pipe}; echo here >&3; sleep 600 & sleep 600"
    begun = b""
    for seconds in (0.5, 2.0, 8.0, 32.0):  # for a machine on which even a shell takes long to begin
        settings = ConsentSettings(command=("/bin/sh", "-c", script), timeout_seconds=seconds)
        assert Consents(settings).ask([tuple(ONE)], "lung") is Answer.UNAVAILABLE
        with contextlib.suppress(BlockingIOError):
            begun = os.read(reader, 5)
        if begun:
            break
    assert begun == b"here\n"
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    assert poll.poll(60_000)
    assert os.read(reader, 5) == b""
    os.close(reader)


class _Endpoint(BaseHTTPRequestHandler):
    answer = (200, b'{"consent": "allow"}')
    asked: list[tuple[str | None, dict[str, str]]] = []  # noqa: RUF012 - one server at a time
    drip = threading.Event()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.headers["Authorization"], body))
        status, said = self.answer
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        if status == 0:
            self.flush_headers()
            with contextlib.suppress(OSError):  # whoever asked has gone
                while not self.drip.wait(0.02):
                    self.wfile.write(b"x")
            return
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def endpoint(status: int, said: bytes) -> Iterator[str]:
    _Endpoint.answer, _Endpoint.asked = (status, said), []
    _Endpoint.drip.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Endpoint)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/ask?site=1"
    finally:
        _Endpoint.drip.set()
        server.shutdown()
        server.server_close()


def test_an_endpoint_is_asked_by_post_with_its_token(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret\n")
    token.chmod(0o600)
    with endpoint(200, b'{"consent": "allow"}') as url:
        assert Consents(ConsentSettings(url=url, token_file=token)).ask([tuple(ONE)], "lung") is Answer.ALLOW
    asked = {"schema": "sluice.consent/1", "patient_id": "1", "issuer": "A", "project": "lung"}
    assert _Endpoint.asked == [("Bearer secret", asked)]


@pytest.mark.parametrize("status", [302, 404, 500, 201])
def test_any_status_but_200_is_no_answer_and_no_redirect_is_followed(status: int) -> None:
    with endpoint(status, b'{"consent": "allow"}') as url:
        assert Consents(ConsentSettings(url=url)).ask([tuple(ONE)], "lung") is Answer.UNAVAILABLE
    assert len(_Endpoint.asked) == 1


def test_an_endpoint_that_never_ends_its_answer_is_cut_off() -> None:
    """No single byte of it is late."""
    with endpoint(0, b"") as url:
        assert Consents(ConsentSettings(url=url, timeout_seconds=0.5)).ask([tuple(ONE)], "lung") is Answer.UNAVAILABLE


def test_an_endpoint_that_is_reached_after_the_deadline_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter((0.0, 60.0))
    monkeypatch.setattr(http_hook, "time", SimpleNamespace(monotonic=lambda: next(moments)))
    with endpoint(200, b'{"consent": "allow"}') as url:
        consents = Consents(ConsentSettings(url=url, timeout_seconds=60.0))
        assert consents.ask([tuple(ONE)], "lung") is Answer.UNAVAILABLE
    assert _Endpoint.asked == []


def test_an_endpoint_that_is_not_there_is_no_answer() -> None:
    with endpoint(200, b"") as url:
        gone = url
    assert Consents(ConsentSettings(url=gone)).ask([tuple(ONE)], "lung") is Answer.UNAVAILABLE


def test_a_token_that_others_may_read_is_not_sent(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("secret\n")
    token.chmod(0o644)
    with endpoint(200, b'{"consent": "allow"}') as url:
        assert Consents(ConsentSettings(url=url, token_file=token)).ask([tuple(ONE)], "lung") is Answer.UNAVAILABLE
    assert _Endpoint.asked == []


@pytest.mark.parametrize("url", ["http://consent.hospital/", "ftp://localhost/", "https://user@host/", "localhost"])
def test_no_patient_is_told_in_clear(url: str) -> None:
    with pytest.raises(ValidationError):
        ConsentSettings(url=url)


def test_whoever_asks_nobody_has_no_such_settings() -> None:
    with pytest.raises(ValidationError, match="neither"):
        ConsentSettings()


@pytest.mark.parametrize(
    ("listed", "hook", "answer"),
    [
        ("allow", "allow", Answer.ALLOW),
        ("allow", "unknown", Answer.ALLOW),
        ("unknown", "allow", Answer.ALLOW),
        ("unknown", "unknown", Answer.UNKNOWN),
        ("allow", "deny", Answer.DENY),
        ("deny", "allow", Answer.DENY),
        ("allow", "broken", Answer.UNAVAILABLE),
        ("broken", "allow", Answer.UNAVAILABLE),
        ("broken", "deny", Answer.DENY),
        ("deny", "broken", Answer.DENY),
    ],
)
def test_one_denial_denies_and_one_silence_holds(tmp_path: Path, listed: str, hook: str, answer: Answer) -> None:
    file = tmp_path / "consent.csv"
    file.write_text(f"patient_id,issuer,project,consent\n1,A,lung,{listed}\n")
    code = f'print(\'{{"consent": "{hook}"}}\')'
    consents = Consents(ConsentSettings(list=file, command=(sys.executable, "-S", "-c", code), timeout_seconds=30.0))
    assert consents.ask([tuple(ONE)], "lung") is answer


def test_a_list_that_changed_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "consent.csv"
    consents = Consents(ConsentSettings(list=file))
    assert consents.ask([tuple(ONE)], "lung") is Answer.UNAVAILABLE
    for word in (Answer.ALLOW, Answer.DENY, Answer.UNKNOWN):
        new = tmp_path / "new"
        new.write_text(f"patient_id,issuer,project,consent\n1,A,lung,{word}\n")
        new.rename(file)
        assert consents.ask([tuple(ONE)], "lung") is word
    file.unlink()
    assert consents.ask([tuple(ONE)], "lung") is Answer.UNAVAILABLE


def test_a_list_that_was_changed_in_place_without_a_trace_in_size_and_time_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "consent.csv"
    consents = Consents(ConsentSettings(list=file))
    for word in ("allow", " deny"):
        file.write_text(f"patient_id,issuer,project,consent\n1,A,lung,{word}\n")
        os.utime(file, (1, 1))
        assert consents.ask([tuple(ONE)], "lung") is Answer(word.strip())


@pytest.mark.parametrize(
    ("each", "answer"),
    [
        ([], Answer.UNKNOWN),
        ([Answer.ALLOW], Answer.ALLOW),
        ([Answer.ALLOW, Answer.UNKNOWN], Answer.UNKNOWN),
        ([Answer.ALLOW, Answer.UNAVAILABLE], Answer.UNAVAILABLE),
        ([Answer.UNAVAILABLE, Answer.DENY], Answer.DENY),
    ],
)
def test_several_patients_are_allowed_only_if_each_is(each: list[Answer], answer: Answer) -> None:
    assert of_people(each) is answer
