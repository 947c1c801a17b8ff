"""Sessions of browsers: how they begin, what guards them, how they end."""

import re

import pytest
from sqlalchemy import select

from handoff.access.issue import make_token, revoke_token
from handoff.access.principal import Principal
from handoff.database.tables import LoginSecret, LoginSession
from handoff.schemas.tokens import TokenRequest
from tests.integration.openid.site import HANDOFF, URL, Site

pytestmark = pytest.mark.integration
ROOT = Principal("home", "admin")
NAME = "__Host-sluice"


@pytest.fixture
def issued(site, request):
    """A token of an ml-engineer of lungs."""
    name = re.sub(r"[^a-z0-9]", "-", request.node.name)[:60]
    return make_token(site.service.database, ROOT, TokenRequest(name=name, role="ml-engineer", projects=("lungs",)))


def cookie_of(answer, name: str = NAME) -> str:
    return next(line for line in answer.headers.get_list("set-cookie") if line.startswith(f"{name}="))


def test_the_cookie_is_kept_from_scripts_other_sites_and_plain_http(site, browser):
    line = cookie_of(browser.sign_in(site.admin_token))
    for guard in ("HttpOnly", "Secure", "SameSite=lax", "Path=/", "Max-Age=28800"):
        assert guard in line
    assert "Domain" not in line


def test_the_database_holds_no_secret_of_a_session(site, browser):
    secret = re.match(rf"{NAME}=([^;]+)", cookie_of(browser.sign_in(site.admin_token))).group(1)
    with site.service.database.read() as session:
        rows = session.scalars(select(LoginSession)).all()
    assert rows
    assert all(secret not in str(vars(row)) for row in rows)


def test_a_token_opens_the_pages_with_its_own_role_and_projects(browser, issued):
    browser.sign_in(issued.token)
    assert "ml-engineer · lungs" in browser.get("/").text


@pytest.mark.parametrize("token", ["", "wrong", "x" * 5000, "\u00e9"])
def test_another_token_opens_nothing(browser, token):
    answer = browser.sign_in(token)
    assert answer.status_code == 401
    assert NAME + "=" not in str(answer.headers.get_list("set-cookie"))


def test_the_token_that_delivers_opens_no_pages(site, browser):
    answer = browser.sign_in(site.home.intake_token.read_text().strip())
    assert (answer.status_code, "no-pages" in answer.text) == (403, True)


def test_guessing_has_a_limit(site, browser, monkeypatch):
    monkeypatch.setattr(site.service.sign_in.attempts, "_clock", lambda: 0.0)  # tries fill up with time
    codes = {browser.sign_in("wrong").status_code for _ in range(40)}
    assert codes == {401, 429}


def test_a_session_ends_with_the_token_that_opened_it(site, browser, issued):
    browser.sign_in(issued.token)
    assert browser.get("/").status_code == 200
    revoke_token(site.service.database, ROOT, issued.row.id)
    assert browser.get("/").headers["location"] == "/login?next=/"


def test_a_session_ends_with_its_time(site, browser):
    browser.sign_in(site.admin_token)
    with site.service.database.write() as session:
        for row in session.scalars(select(LoginSession)):
            row.expires_at = 1.0
    assert browser.get("/").status_code == 303


def test_signing_in_makes_a_new_session_and_ends_the_one_before(site, browser):
    """A session that somebody planted in a browser is not the one of whoever signs in there."""
    with site.browser() as attacker:
        planted = re.match(rf"{NAME}=([^;]+)", cookie_of(attacker.sign_in(site.admin_token))).group(1)
        browser.cookies.set(NAME, planted, domain="sluice.example", path="/")
        form = browser.form(f"/login?link={site.service.sign_in.once.make_link()}")
        assert browser.post("/login", data=form).status_code == 303
        assert browser.cookies[NAME] != planted
        assert attacker.get("/").status_code == 303


def test_signing_out_ends_the_session_itself(site, browser):
    browser.sign_in(site.admin_token)
    secret = browser.cookies[NAME]
    answer = browser.post("/logout", data=browser.form("/"))
    assert answer.status_code == 200
    assert "oauth2/end_session" in answer.text
    assert browser.get("/logout").headers["location"] == "/"
    browser.cookies.set(NAME, secret, domain="sluice.example", path="/")
    assert browser.get("/").status_code == 303


@pytest.mark.parametrize("secret", [b"", b"x", b"' OR 1=1 --", b"\xc3\xa9\xff", b"a" * 5000], ids=repr)
def test_an_invented_cookie_is_nobodys(browser, secret):
    answer = browser.get("/", headers={b"Cookie": NAME.encode() + b"=" + secret})
    assert answer.status_code == 303


FORMS = [
    ("/logout", {}),
    ("/tokens", {"name": "planted", "role": "admin", "days": "90"}),
    (f"/handoffs/{HANDOFF}/cancel", {}),
    (f"/tokens/{'0' * 32}/revoke", {}),
    (f"/tokens/{'0' * 32}/rotate", {}),
]


@pytest.mark.parametrize(("path", "fields"), FORMS, ids=[path for path, _ in FORMS])
def test_each_form_needs_the_secret_of_its_session(site, browser, path, fields):
    browser.sign_in(site.admin_token)
    with site.browser() as other:
        other.sign_in(site.admin_token)
        others = other.form("/")["csrf"]
    for csrf in ({}, {"csrf": ""}, {"csrf": others}, {"csrf": "\u00e9"}):
        answer = browser.post(path, data={"some": "field", **fields, **csrf})
        assert (answer.status_code, "csrf" in answer.text) == (403, True)
    assert browser.get("/").status_code == 200


ELSEWHERE = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://sluice.example"},
    {"Origin": "https://sluice.example.evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("headers", ELSEWHERE, ids=str)
def test_a_form_from_elsewhere_is_refused_even_with_its_secret(site, browser, headers):
    browser.sign_in(site.admin_token)
    form = browser.form("/")
    answer = browser.post("/logout", data=form, headers=headers)
    assert (answer.status_code, "cross-site" in answer.text) == (403, True)
    own = {"Origin": URL, "Sec-Fetch-Site": "same-origin"}
    assert browser.post("/logout", data=form, headers=own).status_code == 200


def test_the_form_of_a_sign_in_is_guarded_too(site, browser):
    """Login CSRF: else another site could sign a browser in as somebody of its choice."""
    assert browser.post("/login", data={"token": site.admin_token}).status_code == 403
    form = browser.form("/login", token=site.admin_token)
    assert browser.post("/login", data={**form, "csrf": "x"}).status_code == 403
    with site.browser() as other:
        assert other.post("/login", data=form).status_code == 403


BODIES = [
    ("text/plain", b"csrf=x"),
    ("application/json", b"{}"),
    ("application/x-www-form-urlencoded", b"csrf=a&csrf=b"),
    ("application/x-www-form-urlencoded", b"&".join(b"a%d=b" % n for n in range(100))),
    ("application/x-www-form-urlencoded", b"\xff\xfe=%ff"),
]


@pytest.mark.parametrize(("kind", "body"), BODIES, ids=[kind + str(len(body)) for kind, body in BODIES])
def test_what_is_no_form_is_refused(site, browser, kind, body):
    browser.sign_in(site.admin_token)
    answer = browser.post("/logout", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 422


def test_a_link_signs_one_browser_in_once(site, browser):
    url = f"/login?link={site.service.sign_in.once.make_link()}"
    for _ in range(3):  # whoever looks at a link, as chat programs do, spends nothing
        form = browser.form(url)
    assert browser.post("/login", data=form).headers["location"] == "/"
    assert "home <small>admin" in browser.get("/").text
    with site.browser() as second:
        answer = second.post("/login", data=second.form(url))
        assert (answer.status_code, "link-spent" in answer.text) == (400, True)


def test_a_link_ends_after_its_hour(site, browser):
    url = f"/login?link={site.service.sign_in.once.make_link()}"
    with site.service.database.write() as session:
        for row in session.scalars(select(LoginSecret).where(LoginSecret.kind == "link")):
            row.expires_at = 1.0
    assert browser.post("/login", data=browser.form(url)).status_code == 400


def test_a_link_is_made_while_nobody_has_signed_in(tmp_path, provider):
    with Site(tmp_path / "home", provider.issuer) as site, site.browser() as browser:
        once = site.service.sign_in.once
        assert once.first_link()
        link = once.first_link()
        assert browser.post("/login", data=browser.form(f"/login?link={link}")).status_code == 303
        assert once.first_link() is None
        browser.post("/logout", data=browser.form("/"))
        assert once.first_link() is None


def test_over_plain_http_only_this_machine_signs_in(tmp_path, provider):
    with Site(tmp_path / "home", provider.issuer, pages={}, openid=None) as site:
        answers = [
            site.browser_at("http://10.0.0.1", client).get("/login") for client in (("10.0.0.9", 5), ("127.0.0.1", 5))
        ]
        assert [answer.status_code for answer in answers] == [403, 200]
        assert "tls-needed" in answers[0].text
        assert "Secure" not in answers[1].headers["set-cookie"]
    assert answers[1].headers["set-cookie"].startswith("sluice-form-80=")
