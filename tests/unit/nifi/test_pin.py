"""What a site gives for TLS is looked at before NiFi gets it: a service that does not start would stop the flows."""

from pathlib import Path

import pytest

from nifi.errors import DeployError
from nifi.releases.parameters import complete
from tests.certificates import TestAuthority

SITE = {"trusted.home": "-", "handoff.url": "https://-", "handoff.token": "Bearer -", "receipt.public.key": "-"}
SECRET = "-----BEGIN SOMETHING----- that-nobody-may-read"


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> TestAuthority:
    return TestAuthority.new(tmp_path_factory.mktemp("authority"))


def given(**values: str | Path) -> dict[str, str]:
    names = {"ca": "handoff.ca", "certificate": "handoff.client.certificate", "key": "handoff.client.key"}
    texts = {names[name]: value if isinstance(value, str) else value.read_text() for name, value in values.items()}
    return complete(SITE | texts, "release")


def test_without_certificates_the_system_is_asked_and_nothing_is_shown():
    values = given()
    assert (values["handoff.ca.source"], values["handoff.client.source"]) == ("SYSTEM", "UNDEFINED")
    assert values["handoff.ca"] == values["handoff.client.certificate"] == values["handoff.client.key"] == ""


def test_an_authority_that_is_given_is_the_only_one(authority):
    values = given(ca=authority.file)
    assert (values["handoff.ca.source"], values["handoff.client.source"]) == ("PROPERTIES", "UNDEFINED")


def test_a_certificate_is_shown_where_it_is_given_with_its_key(authority):
    certificate, key = authority.issue("nifi")
    values = given(ca=authority.file, certificate=certificate, key=key)
    assert (values["handoff.ca.source"], values["handoff.client.source"]) == ("PROPERTIES", "PROPERTIES")


def test_nobody_sets_where_it_comes_from(authority):
    """Somebody who did could have a key ignored, or the whole system trusted."""
    values = complete(SITE | {"handoff.ca": authority.file.read_text(), "handoff.ca.source": "SYSTEM"}, "release")
    assert values["handoff.ca.source"] == "PROPERTIES"


def test_what_nifi_could_not_use_is_refused_and_never_repeated(authority):
    certificate, key = authority.issue("nifi")
    _, another = authority.issue("another")
    for wrong, message in (
        ({"ca": SECRET}, "handoff.ca holds no certificate"),
        ({"ca": "/etc/ssl/handoff.pem"}, "handoff.ca holds no certificate"),
        ({"certificate": certificate}, "go together"),
        ({"key": key}, "go together"),
        ({"certificate": SECRET, "key": key}, "handoff.client.certificate holds no certificate"),
        ({"certificate": certificate, "key": SECRET}, "handoff.client.key holds no key"),
        ({"certificate": certificate, "key": another}, "is not the key of"),
    ):
        with pytest.raises(DeployError, match=message) as caught:
            given(**wrong)
        assert SECRET not in str(caught.value)


def test_an_address_without_tls_would_make_nothing_of_it(authority):
    given = SITE | {"handoff.url": "http://handoff.example", "handoff.ca": authority.file.read_text()}
    with pytest.raises(DeployError, match=r"handoff\.url is no https address"):
        complete(given, "release")


def test_a_release_of_before_tls_knows_no_sources():
    text = "context: sluice\nparameters: {handoff.token: {description: -}, flow.release: {description: -}}"
    assert complete({"handoff.token": "Bearer -"}, "release", text).keys() == {"handoff.token", "flow.release"}
