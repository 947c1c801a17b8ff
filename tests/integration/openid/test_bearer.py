"""Tokens of a real provider at the API."""

import time

import pytest

from handoff.access.openid.remembered import Ages
from tests.integration.openid.site import AUDIENCE, CLIENT, HANDOFF, OTHERS, URL

pytestmark = pytest.mark.integration


def me(browser, token: str):
    return browser.get("/v1/me", headers={"Authorization": f"Bearer {token}"})


def test_a_program_is_who_the_provider_says(browser, provider):
    answer = me(browser, provider.sign(aud=AUDIENCE, sub="trainer", groups=["imaging"])).json()
    assert (answer["name"], answer["role"], answer["projects"]) == ("openid:trainer", "ml-engineer", ["lungs"])


def test_it_sees_its_own_projects_alone(browser, provider):
    headers = {"Authorization": f"Bearer {provider.sign(aud=AUDIENCE, groups=['imaging'])}"}
    assert browser.get(f"/v1/handoffs/{OTHERS}", headers=headers).status_code == 404
    listed = browser.get("/v1/me", headers=headers).json()
    assert "administer" not in listed["permissions"]


REFUSED = {
    "a token for the pages": ({"aud": CLIENT, "groups": ["admins"]}, 401, "token-audience"),
    "expired": ({"aud": AUDIENCE, "groups": ["admins"], "iat": 1, "exp": int(time.time()) - 60}, 401, "token-expired"),
    "of no role": ({"aud": AUDIENCE, "groups": ["choir"]}, 403, "no-role"),
}


@pytest.mark.parametrize(("claims", "status", "code"), REFUSED.values(), ids=REFUSED)
def test_a_token_that_is_not_good_is_a_problem_with_a_code(browser, provider, claims, status, code):
    answer = me(browser, provider.sign(**claims))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_tokens_of_the_service_work_beside_it(site, browser):
    assert me(browser, site.admin_token).json()["name"] == "home"


def test_a_key_that_was_rotated_is_found_and_the_old_one_forgotten(site, browser, provider):
    site.forget_provider(Ages(fresh=0, pause=0))
    old = provider.sign(aud=AUDIENCE, groups=["admins"])
    assert me(browser, old).status_code == 200
    provider.rotate()
    assert me(browser, provider.sign(aud=AUDIENCE, groups=["admins"])).status_code == 200
    assert me(browser, old).json()["code"] == "token-key"
    site.forget_provider()


def test_a_session_of_a_browser_opens_nothing_of_the_api(site, browser):
    """So no other site can have a browser use it."""
    browser.sign_in(site.admin_token)
    assert browser.get("/").status_code == 200
    assert browser.get("/v1/me").status_code == 401
    assert browser.post("/v1/tokens", json={"name": "x", "role": "admin"}).status_code == 401


def test_a_bearer_token_opens_no_page(site, browser):
    answer = browser.get(f"/handoffs/{HANDOFF}", headers={"Authorization": f"Bearer {site.admin_token}"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next=/handoffs/{HANDOFF}")
    assert URL not in answer.headers["location"]
