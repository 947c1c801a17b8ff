"""Signing in at a real provider: authorization code with PKCE, and what others might try with it."""

import base64
import hashlib
import json
from urllib.parse import urlencode

import pytest
from sqlalchemy import func, select

from handoff.database.tables import AuditRecord, LoginSession
from tests.integration.openid.site import CLIENT, HANDOFF, URL, query
from tests.loopback import refusing_port

pytestmark = pytest.mark.integration


def attempt(browser) -> dict[str, str]:
    """What the browser keeps of a sign-in that has begun."""
    value = browser.cookies["__Host-sluice-openid"]
    return json.loads(base64.urlsafe_b64decode(value + "=="))


def test_a_person_of_the_provider_sees_the_pages(site, browser, provider):
    answer = browser.sign_in_at(provider, "alice", back=f"/handoffs/{HANDOFF}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/handoffs/{HANDOFF}")
    page = browser.get("/").text
    assert "openid:alice" in page
    assert "ml-engineer · lungs" in page


def test_the_provider_is_asked_with_state_nonce_and_pkce(browser):
    asked = query(browser.begin_at_provider())
    kept = attempt(browser)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(kept["verifier"].encode()).digest()).rstrip(b"=").decode()
    assert asked == {
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": f"{URL}/login/openid/back",
        "scope": "openid profile",
        "state": kept["state"],
        "nonce": kept["nonce"],
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }


def test_the_provider_gives_nothing_for_a_code_without_its_verifier(browser, provider):
    location = provider.consent(browser.begin_at_provider(), "alice")
    kept = attempt(browser)
    changed = base64.urlsafe_b64encode(json.dumps({**kept, "verifier": "x" * 43}).encode()).rstrip(b"=").decode()
    browser.cookies.set("__Host-sluice-openid", changed, domain="sluice.example", path="/")
    refused(browser.get(location), "sign-in-code")


def refused(answer, code: str, status: int = 400) -> None:
    assert f"<small>{status} · {code}</small>" in answer.text
    assert answer.status_code == status
    assert "__Host-sluice=" not in answer.headers.get("set-cookie", "")


def test_an_answer_without_its_beginning_signs_nobody_in(site, browser, provider):
    """Login CSRF: somebody else's answer, given to a browser that asked for nothing."""
    with site.browser() as attacker:
        location = provider.consent(attacker.begin_at_provider(), "alice")
    refused(browser.get(location), "sign-in")


def test_an_answer_to_another_beginning_signs_nobody_in(site, browser, provider):
    with site.browser() as attacker:
        location = provider.consent(attacker.begin_at_provider(), "alice")
    browser.begin_at_provider()
    refused(browser.get(location), "sign-in")


def test_an_answer_is_good_once(site, browser, provider):
    location = provider.consent(browser.begin_at_provider(), "alice")
    cookie = browser.cookies["__Host-sluice-openid"]
    assert browser.get(location).status_code == 303
    with site.browser() as thief:
        thief.cookies.set("__Host-sluice-openid", cookie, domain="sluice.example", path="/")
        refused(thief.get(location), "sign-in-code")


def test_a_state_is_good_once_though_the_provider_gave_a_second_code(site, browser, provider):
    url = browser.begin_at_provider()
    cookie = browser.cookies["__Host-sluice-openid"]
    assert browser.get(provider.consent(url, "alice")).status_code == 303
    with site.browser() as thief:
        thief.cookies.set("__Host-sluice-openid", cookie, domain="sluice.example", path="/")
        refused(thief.get(provider.consent(url, "alice")), "sign-in-replayed")


def test_a_token_of_another_sign_in_is_refused(browser, provider):
    """A code that was injected brings a token with another nonce."""
    location = provider.consent(browser.begin_at_provider().replace("nonce=", "nonce=x"), "alice")
    refused(browser.get(location), "sign-in-nonce")


ANSWERS = [
    ({"error": "access_denied"}, "sign-in-refused"),
    ({"error": "<script>alert(1)</script>"}, "sign-in-refused"),
    ({"code": ""}, "sign-in"),
    ({"code": "a\nb"}, "sign-in"),
    ({}, "sign-in"),
]


@pytest.mark.parametrize(("said", "code"), ANSWERS, ids=str)
def test_what_the_provider_refuses_is_said_plainly_and_nothing_of_it_is_repeated(browser, said, code):
    browser.begin_at_provider()
    answer = browser.get("/login/openid/back?" + urlencode({**said, "state": attempt(browser)["state"]}))
    refused(answer, code)
    assert "<script>alert" not in answer.text


def test_an_answer_that_names_another_issuer_is_refused(browser):
    """RFC 9207: the mix-up of two providers."""
    browser.begin_at_provider()
    said = {"code": "c", "state": attempt(browser)["state"], "iss": "https://evil.example"}
    refused(browser.get("/login/openid/back?" + urlencode(said)), "sign-in-issuer")


def test_a_token_that_was_made_for_another_client_is_refused(browser, provider):
    provider.user("passed-on", groups=["imaging"], azp="another-client")
    refused(browser.sign_in_at(provider, "passed-on"), "sign-in-client")


def test_an_answer_with_two_states_is_refused(browser):
    browser.begin_at_provider()
    state = attempt(browser)["state"]
    refused(browser.get(f"/login/openid/back?code=c&state=x&state={state}"), "sign-in")


def test_a_person_without_a_role_is_told_so(browser, provider):
    refused(browser.sign_in_at(provider, "nobody"), "no-role", 403)


ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/%2f%2fevil.example",
    "/handoffs/../../evil",
    "javascript:alert(1)",
    "/tokens%0d%0aSet-Cookie:%20a=b",
    "/login",
    "/tokens?x=//evil.example",
]


@pytest.mark.parametrize("back", ELSEWHERE)
def test_a_sign_in_leads_to_our_own_pages_alone(site, browser, provider, back):
    assert browser.sign_in_at(provider, "alice", back=back).headers["location"] == "/"
    with site.browser() as other:
        answer = other.sign_in(site.admin_token, back=back)
        assert answer.headers["location"] == "/"


def test_a_way_back_that_the_cookie_was_changed_to_is_looked_at_again(browser, provider):
    location = provider.consent(browser.begin_at_provider(), "alice")
    changed = json.dumps({**attempt(browser), "back_to": "https://evil.example"}).encode()
    value = base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
    browser.cookies.set("__Host-sluice-openid", value, domain="sluice.example", path="/")
    assert browser.get(location).headers["location"] == "/"


@pytest.mark.parametrize("cookie", ["", "x", "W10", "e30", "eyJzdGF0ZSI6IDV9", "%%%", "W1tbW1tb" * 400], ids=repr)
def test_a_cookie_that_is_none_of_ours_breaks_nothing(browser, cookie):
    browser.cookies.set("__Host-sluice-openid", cookie, domain="sluice.example", path="/")
    refused(browser.get("/login/openid/back?code=c&state=s"), "sign-in")


def test_sign_ins_are_written_down(site, browser, provider):
    browser.sign_in_at(provider, "alice")
    with site.browser() as other:
        other.sign_in("no-such-token-at-all")
    with site.service.database.read() as session:
        found = session.scalars(select(AuditRecord).order_by(AuditRecord.id.desc()).limit(2)).all()
    noted = [(row.principal, row.action, row.status) for row in found]
    assert noted == [("-", "sign_in", 401), ("openid:alice", "come_back_from_provider", 303)]


def test_nobody_unknown_fills_the_database(site, browser):
    def rows() -> list[int]:
        with site.service.database.read() as session:
            return [session.scalar(select(func.count()).select_from(table)) for table in (AuditRecord, LoginSession)]

    before = rows()
    for path in ("/tokens", "/logout", "/nothing", "/login", f"/handoffs/{HANDOFF}/cancel"):
        assert browser.post(path, data={"csrf": "x"}).status_code in {403, 404, 405}
    for _ in range(5):
        browser.begin_at_provider()
    assert rows() == before


@pytest.fixture
def changed(site):
    """The site, which knows its provider again after the test."""
    yield site
    site.forget_provider()


def test_without_the_provider_a_token_still_opens_the_pages(changed, browser):
    with refusing_port() as port:
        changed.forget_provider(issuer=f"http://127.0.0.1:{port}")
        answer = browser.get("/login/openid")
        assert (answer.status_code, "openid-down" in answer.text) == (503, True)
        assert browser.sign_in(changed.admin_token).status_code == 303
