"""The page: nobody sees or decides anything without an account, and no other site acts in anybody's name."""

import http.client
import io
import re
import threading
from urllib.parse import urlencode

import pytest

from processors.audit.reading import records
from processors.quarantine.errors import NotLoopbackError
from processors.quarantine.items import waiting
from processors.quarantine.page.app import App
from processors.quarantine.page.html import fill
from processors.quarantine.page.serve import server
from processors.quarantine.signed_in import accounts_of
from processors.quarantine.wishes import wish_of
from tests.unit.quarantine.conftest import Quarantined

HOST = "127.0.0.1:8106"


class Browser:
    """Asks as a browser would, and keeps the cookie; paths are those inside the folder of its session."""

    def __init__(self, app: App) -> None:
        self.app, self.cookie, self.base = app, "", ""

    def ask(self, method: str, path: str, form: dict[str, str] | None = None, **headers: str) -> tuple[int, bytes]:
        body = urlencode(form or {}).encode()
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path if path == "/login" else self.base + path,
            "HTTP_HOST": HOST,
            "HTTP_COOKIE": self.cookie,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            **{f"HTTP_{name}": value for name, value in headers.items()},
        }
        self.headers: dict[str, str] = {}
        status: list[int] = []

        def start(said: str, headers: list[tuple[str, str]]) -> None:
            status.append(int(said.split(maxsplit=1)[0]))
            self.headers = dict(headers)

        answer = b"".join(self.app(environ, start))  # type: ignore[arg-type]
        if "Set-Cookie" in self.headers:
            self.cookie, path, *_ = self.headers["Set-Cookie"].split("; ")
            self.base = path.removeprefix("Path=").rstrip("/")
        return status[0], answer

    def sign_in(self, token: str) -> "Browser":
        assert self.ask("POST", "/login", {"token": token})[0] == 303
        return self

    def csrf(self, path: str = "/") -> str:
        found = re.search(rb'name="csrf" value="([^"]+)"', self.ask("GET", path)[1])
        assert found is not None
        return found[1].decode()


@pytest.fixture
def app(home: Quarantined) -> App:
    home.fill()
    return App(home.place, {HOST})


def person(home: Quarantined, app: App, name: str) -> Browser:
    return Browser(app).sign_in(home.tokens[name])


def test_two_people_release_what_they_both_saw(home: Quarantined, app: App) -> None:
    item = home.item
    ann, bob = person(home, app, "ann"), person(home, app, "bob")
    assert item.reason.encode() in ann.ask("GET", "/")[1]
    asked = {"csrf": ann.csrf(), "masks": "", "profile": "release-strict", "why": "strict"}
    assert ann.ask("POST", f"/items/{item.id}/release", asked)[0] == 303
    wish = wish_of(home.place, item)
    assert wish is not None

    own = {"csrf": ann.csrf(), "digest": wish.decision.digest}
    assert b"Approve, as the second person" not in ann.ask("GET", f"/items/{item.id}")[1]
    assert ann.ask("POST", f"/items/{item.id}/approve", own)[0] == 409
    assert b"Approve, as the second person" in bob.ask("GET", f"/items/{item.id}")[1]
    form = {"csrf": bob.csrf(), "digest": wish.decision.digest}
    assert bob.ask("POST", f"/items/{item.id}/approve", form)[0] == 303

    assert waiting(home.place.ledger) == []
    words = [(each["what"], each["by"]) for each in records(home.place.site.audit, "lung", kind="decision")]
    assert words == [("release-asked", "ann"), ("release-approved", "bob")]


def test_whoever_is_not_signed_in_sees_and_decides_nothing(home: Quarantined, app: App) -> None:
    item, stranger = home.item, Browser(app)
    for method, path in (
        ("GET", "/"),
        ("GET", f"/items/{item.id}"),
        ("GET", f"/items/{item.id}/frames/0/0"),
        ("POST", f"/items/{item.id}/reject"),
        ("POST", f"/items/{item.id}/release"),
    ):
        assert stranger.ask(method, path, {"why": "x"}) == (303, b""), path
        assert stranger.headers["Location"] == "/login"
    assert stranger.ask("POST", "/login", {"token": "wrong"})[0] == 403
    assert home.item == item
    assert [each["what"] for each in records(home.place.site.audit, "_site", kind="sign-in")] == ["refused"]


@pytest.mark.parametrize(
    ("form", "headers", "status"),
    [
        ({}, {}, 403),
        ({"csrf": "x"}, {}, 403),
        (None, {"ORIGIN": "http://evil.example"}, 403),
        (None, {"ORIGIN": "null"}, 403),
        (None, {"SEC_FETCH_SITE": "cross-site"}, 403),
        (None, {"HOST": "evil.example:8106"}, 421),
    ],
    ids=["no secret", "wrong secret", "another origin", "no origin", "another site", "another name"],
)
def test_no_other_site_acts_in_a_persons_name(
    home: Quarantined, app: App, form: dict[str, str] | None, headers: dict[str, str], status: int
) -> None:
    item, ann = home.item, person(home, app, "ann")
    sent = {"why": "x", **({"csrf": ann.csrf()} if form is None else form)}

    assert ann.ask("POST", f"/items/{item.id}/reject", sent, **headers)[0] == status

    assert home.item == item


def test_the_secret_of_another_session_counts_nothing(home: Quarantined, app: App) -> None:
    ann, bob = person(home, app, "ann"), person(home, app, "bob")

    assert bob.ask("POST", f"/items/{home.item.id}/reject", {"why": "x", "csrf": ann.csrf()})[0] == 403


def test_a_picture_is_shown_after_the_look_was_recorded(home: Quarantined, app: App) -> None:
    item, ann = home.item, person(home, app, "ann")
    path = f"/items/{item.id}/frames/0/0"
    assert ann.ask("GET", path)[0] == 403

    shown = ann.ask("GET", f"/items/{item.id}")[1]

    assert path.encode() in shown
    status, picture = ann.ask("GET", path)
    assert (status, picture[:4], ann.headers["Content-Type"]) == (200, b"\x89PNG", "image/png")
    ann.ask("GET", f"/items/{item.id}")
    assert [each["by"] for each in records(home.place.site.audit, "lung", kind="look")] == ["ann"]
    assert ann.ask("GET", f"/items/{item.id}/frames/7/0")[0] == 409


def test_pages_run_nothing_load_nothing_and_stay_in_no_cache(home: Quarantined, app: App) -> None:
    ann = person(home, app, "ann")
    body = ann.ask("GET", f"/items/{home.item.id}")[1]

    assert b"<script" not in body
    assert not re.search(rb'(?:src|href|action)="(?!/)', body)
    assert ann.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert ann.headers["Cache-Control"] == "no-store"
    assert b"HOSP-4711" not in body


def test_a_session_ends_by_signing_out_with_its_account_and_after_its_time(home: Quarantined, app: App) -> None:
    out, gone, late = (person(home, app, name) for name in ("ann", "bob", "ann"))
    assert out.ask("POST", "/logout", {"csrf": out.csrf()})[0] == 303
    assert out.ask("GET", "/")[0] == 303
    accounts_of(home.place).remove("bob", home.clock(), "root")
    assert gone.ask("GET", "/")[0] == 303
    assert late.ask("GET", "/")[0] == 200
    home.clock.now += 9 * 3600
    assert late.ask("GET", "/")[0] == 303


def test_the_cookie_is_for_this_page_alone(home: Quarantined, app: App) -> None:
    """Browsers show cookies to every port of a host: a folder that nobody can guess keeps it from other services."""
    ann = Browser(app)
    ann.ask("POST", "/login", {"token": home.tokens["ann"]})

    name, path, *rest = ann.headers["Set-Cookie"].split("; ")
    assert name.startswith("sluice_trusted_8106=")
    assert re.fullmatch(r"Path=/[A-Za-z0-9_-]{22}/", path)
    assert rest == ["HttpOnly", "SameSite=Strict"]
    assert ann.headers["Location"] == path.removeprefix("Path=")


@pytest.mark.parametrize("base", ["", "/aaaaaaaaaaaaaaaaaaaaaa"])
def test_a_cookie_opens_nothing_outside_its_sessions_folder(home: Quarantined, app: App, base: str) -> None:
    ann = person(home, app, "ann")
    assert ann.ask("GET", "/")[0] == 200
    ann.base = base
    assert ann.ask("GET", "/") == (303, b"")
    assert ann.headers["Location"] == "/login"


def test_a_cookie_opens_no_folder_of_another_session(home: Quarantined, app: App) -> None:
    ann, bob = person(home, app, "ann"), person(home, app, "bob")
    ann.base = bob.base
    assert ann.ask("GET", "/") == (303, b"")


def refusals(home: Quarantined) -> list[int]:
    return [each["count"] for each in records(home.place.site.audit, "_site", kind="sign-in", what="refused")]


def test_however_often_tokens_are_refused_the_record_does_not_grow(home: Quarantined, app: App) -> None:
    """The first is recorded, the others of that hour are counted; the next record says how many there were."""
    stranger = Browser(app)
    for _ in range(40):
        assert stranger.ask("POST", "/login", {"token": "wrong"})[0] == 403
    assert refusals(home) == [1]
    home.clock.now += 3600
    stranger.ask("POST", "/login", {"token": "wrong"})
    assert refusals(home) == [1, 40]


def test_whoever_signs_in_has_what_was_counted_recorded(home: Quarantined, app: App) -> None:
    stranger = Browser(app)
    for _ in range(3):
        stranger.ask("POST", "/login", {"token": "wrong"})
    person(home, app, "ann")
    person(home, app, "bob")
    assert refusals(home) == [1, 2]


def test_what_is_larger_than_a_form_is_not_read(home: Quarantined, app: App) -> None:
    assert Browser(app).ask("POST", "/login", {"token": "x" * 20_000})[0] == 413


def test_values_are_escaped() -> None:
    assert (
        fill('<a title="{x}">{x}</a>', x='"><script>')
        == '<a title="&quot;&gt;&lt;script&gt;">&quot;&gt;&lt;script&gt;</a>'
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example", "::"])
def test_it_listens_on_loopback_alone(home: Quarantined, host: str) -> None:
    with pytest.raises(NotLoopbackError):
        server(home.place, host, 0)


def test_it_answers_on_a_real_port(home: Quarantined) -> None:
    with server(home.place, "127.0.0.1", 0) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", made.server_port, timeout=60)
        connection.request("GET", "/login")
        answer = connection.getresponse()
        assert (answer.status, b"Your token" in answer.read()) == (200, True)
        connection.close()
        made.shutdown()
        thread.join()
