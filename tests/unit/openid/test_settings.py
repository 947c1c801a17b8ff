"""What a site may write about its provider."""

import pytest
from pydantic import ValidationError

from handoff.access.openid.settings import OpenidSettings, is_private_way

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
