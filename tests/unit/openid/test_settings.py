"""What a site may write about its provider."""

import json

import pytest
from pydantic import ValidationError

from handoff.access.openid.settings import OpenidSettings, is_private_way
from handoff.access.pages_settings import PagesSettings
from handoff.errors import StartError
from handoff.settings import Settings

RULE = {"claim": "groups", "value": "a", "role": "admin"}
FACTS = {"issuer": "https://login.example/realm", "audience": "sluice", "roles": [RULE]}

UNFIT = {
    "an issuer without TLS": {"issuer": "http://login.example"},
    "an issuer with a query": {"issuer": "https://login.example?x=1"},
    "an issuer with a user": {"issuer": "https://u:p@login.example"},
    "an issuer of files": {"issuer": "file:///etc/passwd"},
    "no rule": {"roles": []},
    "a role that only runs have": {"roles": [{**RULE, "role": "run"}]},
    "a signature by a password": {"algorithms": ["HS256"]},
    "no signature": {"algorithms": ["none"]},
    "a leeway of an hour": {"leeway_seconds": 3600},
    "scopes without openid": {"scopes": ["profile"]},
    "a word that is none of ours": {"verify_tls": False},
}


@pytest.mark.parametrize("changed", UNFIT.values(), ids=UNFIT)
def test_what_would_protect_nothing_is_refused(changed):
    with pytest.raises(ValidationError):
        OpenidSettings.model_validate({**FACTS, **changed})


@pytest.mark.parametrize(
    ("url", "private"),
    [
        ("https://a.example", True),
        ("http://127.0.0.1:8080/x", True),
        ("http://[::1]/", True),
        ("http://localhost/", True),
        ("http://a.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://localhost@evil.example", False),
        ("ftp://127.0.0.1", False),
        ("https://", False),
    ],
)
def test_only_tls_and_this_machine_are_private_ways(url, private):
    assert is_private_way(url) is private


@pytest.mark.parametrize(
    "url", ["https://a.example", "https://a.example/", "https://a.example:8443", "http://[::1]:80"]
)
def test_where_browsers_see_the_service_is_a_host_alone(url):
    assert PagesSettings(url=url).url == url.rstrip("/")


UNFIT_URLS = [
    "http://a.example",
    "https://a.example/path",
    "https://a.example?x",
    "https://u@a.example",
    "https://",
    "x",
]


@pytest.mark.parametrize("url", UNFIT_URLS)
def test_no_other_address_is_one_of_pages(url):
    with pytest.raises(ValidationError):
        PagesSettings(url=url)


def test_a_client_needs_an_address_to_come_back_to(tmp_path):
    with pytest.raises(StartError, match="cannot be used"):
        settings_of(tmp_path, {"openid": {**FACTS, "client_id": "pages"}})
    assert settings_of(tmp_path, {"openid": FACTS}).pages.url is None


def settings_of(home, facts):
    (home / "research").mkdir(exist_ok=True)
    (home / "research" / "handoff.yaml").write_text(json.dumps(facts))
    return Settings.load(home)
