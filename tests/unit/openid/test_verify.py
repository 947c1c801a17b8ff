"""Which tokens are believed, and which attacks of RFC 8725 are not."""

import hashlib
import hmac
import json
import time
import warnings

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from handoff.errors import OpenidDownError, UnauthorizedError
from tests.unit.openid.signing import CLIENT, EC, ED, OTHER_RSA, RSA, assembled, claims, published, signed


def test_a_token_of_the_provider_names_its_principal(openid, provider):
    who = openid.find(signed(claims(provider.issuer)))
    assert (who.name, who.role, who.projects) == ("openid:u-1", "ml-engineer", {"lungs"})


@pytest.mark.parametrize(
    ("key", "algorithm"), [(RSA, "RS256"), (RSA, "PS512"), (EC, "ES256"), (ED, "EdDSA")], ids=lambda v: str(v)[:6]
)
def test_each_kind_of_key_verifies_its_algorithms(openid, provider, key, algorithm):
    provider.keys = [published(key)]
    assert openid.find(signed(claims(provider.issuer), key, algorithm)).name == "openid:u-1"


WRONG_CLAIMS = {
    "another issuer": ({"iss": "https://evil.example"}, "token-issuer"),
    "no issuer": ({"iss": None}, "token-claims"),
    "another audience": ({"aud": "billing"}, "token-audience"),
    "our client instead of our API": ({"aud": CLIENT}, "token-audience"),
    "no audience": ({"aud": None}, "token-claims"),
    "an audience that only begins like ours": ({"aud": "sluice-api-2"}, "token-audience"),
    "expired beyond the leeway": ({"iat": lambda now: now - 600, "exp": lambda now: now - 31}, "token-expired"),
    "no expiry": ({"exp": None}, "token-claims"),
    "an expiry that is no number": ({"exp": "soon"}, "token-form"),
    "not valid yet": ({"nbf": lambda now: now + 60}, "token-not-yet"),
    "issued in the future": ({"iat": lambda now: now + 60}, "token-not-yet"),
    "a life of more than a day": ({"exp": lambda now: now + 86_500}, "token-life"),
    "no subject": ({"sub": None}, "token-claims"),
    "a subject that is no text": ({"sub": ["u-1"]}, "token-form"),
    "a logout token": ({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}, "token-kind"),
}


@pytest.mark.parametrize(("changed", "code"), WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
def test_a_token_that_is_not_for_us_and_now_is_refused(openid, provider, changed, code):
    now = int(time.time())
    said = {name: value(now) if callable(value) else value for name, value in changed.items()}
    with pytest.raises(UnauthorizedError) as caught:
        openid.find(signed(claims(provider.issuer, **said)))
    assert caught.value.code == code


def test_clocks_may_differ_by_the_leeway(openid, provider):
    now = int(time.time())
    openid.find(signed(claims(provider.issuer, iat=now - 300, exp=now - 5, nbf=now - 300)))
    openid.find(signed(claims(provider.issuer, iat=now + 5, nbf=now + 5)))


def test_infinity_as_expiry_is_refused(openid, provider):
    said = json.dumps(claims(provider.issuer)).replace(str(claims("")["exp"]), "1e999")
    token = jwt.api_jws.encode(said.encode(), RSA, "RS256", headers={"kid": "one", "typ": "JWT"})
    with pytest.raises(UnauthorizedError):
        openid.find(token)


def test_no_signature_is_none(openid, provider):
    """RFC 8725, section 2.1."""
    said = json.dumps(claims(provider.issuer)).encode()
    for name in ("none", "None", "nOnE"):
        header = json.dumps({"alg": name, "kid": "one"}).encode()
        for signature in (b"", b"x"):
            with pytest.raises(UnauthorizedError) as caught:
                openid.find(assembled(header, said, signature))
            assert caught.value.code == "token-algorithm"


def test_the_public_key_is_no_password(openid, provider):
    """RFC 8725, section 2.1: HS256 with the published key as secret."""
    secret = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    unsigned = assembled(b'{"alg":"HS256","kid":"one"}', json.dumps(claims(provider.issuer)).encode()).rpartition(".")[
        0
    ]
    signature = hmac.new(secret, unsigned.encode(), hashlib.sha256).digest()
    token = f"{unsigned}.{assembled(b'', b'', signature).rpartition('.')[2]}"
    with pytest.raises(UnauthorizedError) as caught:
        openid.find(token)
    assert caught.value.code == "token-algorithm"


def test_a_symmetric_key_that_the_provider_publishes_by_mistake_signs_nothing(openid_of, provider):
    provider.keys = [{"kty": "oct", "kid": "one", "k": "c2VjcmV0" * 8, "alg": "HS256"}, published(RSA, "two")]
    token = signed(claims(provider.issuer), "secret" * 8, "HS256")
    with pytest.raises(UnauthorizedError):
        openid_of().find(token)


def test_a_signature_of_another_key_is_refused(openid, provider):
    with pytest.raises(UnauthorizedError) as caught:
        openid.find(signed(claims(provider.issuer), OTHER_RSA))
    assert caught.value.code == "token-signature"


def test_a_changed_claim_breaks_the_signature(openid, provider):
    head, _, tail = signed(claims(provider.issuer)).split(".")
    said = assembled(b"", json.dumps(claims(provider.issuer, sub="admin")).encode()).split(".")[1]
    with pytest.raises(UnauthorizedError) as caught:
        openid.find(f"{head}.{said}.{tail}")
    assert caught.value.code == "token-signature"


def test_a_key_brought_along_in_the_header_is_not_used(openid, provider):
    """RFC 8725, section 3.10: neither `jwk` nor `jku` nor `x5u` is followed."""
    said = claims(provider.issuer)
    brought = {"jwk": published(OTHER_RSA), "jku": f"{provider.issuer}/evil", "x5u": f"{provider.issuer}/evil"}
    with pytest.raises(UnauthorizedError):
        openid.find(signed(said, OTHER_RSA, **brought))
    assert "/realm/evil" not in provider.asked


UNFIT_KEYS = {
    "for encryption": published(RSA, use="enc"),
    "for another algorithm": published(RSA, alg="RS512"),
    "not for verifying": published(RSA, key_ops=["encrypt"]),
    "too short": published(rsa.generate_private_key(65537, 1024)),
    "private": {**RSAAlgorithm.to_jwk(RSA, as_dict=True), "kid": "one"},
    "no key at all": "one",
    "broken": {"kty": "RSA", "kid": "one", "n": "!", "e": 3},
}


@pytest.mark.parametrize("key", UNFIT_KEYS.values(), ids=UNFIT_KEYS)
def test_an_unfit_key_is_as_if_it_were_not_there(openid, provider, key):
    provider.keys = [key]
    with pytest.raises(UnauthorizedError) as caught:
        openid.find(signed(claims(provider.issuer)))
    assert caught.value.code == "token-key"


def test_a_token_without_key_id_needs_a_set_of_one(openid_of, provider):
    token = signed(claims(provider.issuer), key_id=None)
    assert openid_of().find(token).name == "openid:u-1"
    provider.keys = [published(RSA), published(OTHER_RSA, "two")]
    with pytest.raises(UnauthorizedError):
        openid_of().find(token)


@pytest.mark.parametrize("header", [{"typ": "logout+jwt"}, {"typ": "secevent+jwt"}, {"crit": ["exp"]}], ids=str)
def test_a_header_that_means_something_else_is_refused(openid, provider, header):
    """RFC 8725, section 3.11; RFC 7515, section 4.1.11."""
    with pytest.raises(UnauthorizedError) as caught:
        openid.find(signed(claims(provider.issuer), **header))
    assert caught.value.code in {"token-kind", "token-form"}


MALFORMED = {
    "no JSON": assembled(b"{", b"{}"),
    "a header that is a list": assembled(b"[]", b"{}"),
    "nothing but brackets": assembled(b"[" * 11_000, b"{}"),
    "claims of nothing but brackets": assembled(b'{"alg":"RS256","kid":"one"}', b"[" * 11_000),
    "a key id that is an object": assembled(b'{"alg":"RS256","kid":{}}', b"{}"),
    "an algorithm that is a list": assembled(b'{"alg":["RS256"]}', b"{}"),
    "too long": assembled(b'{"alg":"RS256","kid":"one"}', b" " * 20_000),
}


@pytest.mark.parametrize("token", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_token_is_refused_and_nothing_breaks(openid, token):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UnauthorizedError):
            openid.find(token)


@pytest.mark.parametrize("token", ["a.b", "a.b.c.d.e", "a!.b.c", "sluice_abc", "a.b.c\n", ""], ids=repr)
def test_what_has_another_form_is_left_to_others(openid, token):
    assert openid.find(token) is None


def test_without_a_provider_nobody_is_believed_and_the_answer_says_to_come_again(openid, provider):
    provider.down = True
    with pytest.raises(OpenidDownError):
        openid.find(signed(claims(provider.issuer)))


@pytest.mark.parametrize(
    "changed",
    [{"issuer": "https://evil.example"}, {"jwks_uri": "http://evil.example/keys"}, {"jwks_uri": 5}],
    ids=["another name", "a way without TLS", "nonsense"],
)
def test_a_provider_that_describes_itself_wrongly_is_not_believed(openid, provider, changed):
    provider.changed = changed
    with pytest.raises(OpenidDownError):
        openid.find(signed(claims(provider.issuer)))
