"""Tokens in the peers file: whose they are, and what is wrong with one that is written wrongly."""

import hashlib
from dataclasses import replace

import pytest

from processors.dicom.admission import Admission, Caller, ClientCertificate, Everybody, Rejection
from processors.dicom.peers_policy import PeersPolicy
from processors.errors import PeersFileError
from processors.peers import Peers


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


FILE = f"""
receiver: {{unknown_callers: reject, called_ae_titles: [OTHER]}}
peers:
  web:
    sends: {{tokens: {digest("web")}, limits: {{associations: 1}}}}
  ct1:
    sends: {{ae_titles: [CT1, CT2], tokens: [{digest("old")}, {digest("new").upper()}], addresses: 192.0.2.1}}
  safe:
    sends: {{tokens: {digest("safe")}, tls: {{names: safe.hospital}}}}
"""
HERE = Caller("HTTP", "SLUICE", "192.0.2.1")


def ask(token: str | None, caller: Caller = HERE, text: str = FILE) -> Admission | Rejection:
    return PeersPolicy(lambda: Peers.parse(text, "peers.yaml")).admit_upload(caller, token)


def admitted(token: str, caller: Caller = HERE) -> Admission:
    answer = ask(token, caller)
    assert isinstance(answer, Admission)
    return answer


def refused(token: str | None, caller: Caller = HERE, text: str = FILE) -> str:
    answer = ask(token, caller, text)
    assert isinstance(answer, Rejection)
    return answer.cause


def test_a_token_names_its_peer_and_what_that_is_called() -> None:
    assert (admitted("web").peer, admitted("web").calling_ae) == ("web", "web")
    assert (admitted("old").peer, admitted("new").calling_ae) == ("ct1", "CT1")


def test_a_peers_other_conditions_hold_by_http_too() -> None:
    assert refused("old", replace(HERE, address="192.0.2.2")) == "wrong-address"
    assert refused("safe") == "not-encrypted"
    stranger = ClientCertificate(("other.hospital",), "0" * 64, 2e9)
    assert refused("safe", replace(HERE, encrypted=True, certificate=stranger)) == "wrong-certificate"
    its_own = ClientCertificate(("safe.hospital",), "0" * 64, 2e9)
    assert admitted("safe", replace(HERE, encrypted=True, certificate=its_own)).peer == "safe"


def test_uploads_and_associations_of_a_peer_share_its_places() -> None:
    peers = Peers.parse(FILE, "peers.yaml")
    policy = PeersPolicy(lambda: peers)
    first = policy.admit_upload(HERE, "web")
    assert isinstance(first, Admission)
    second = policy.admit_upload(HERE, "web")
    assert isinstance(second, Rejection)
    assert second.cause == "too-many-associations"
    first.close()
    assert isinstance(policy.admit_upload(HERE, "web"), Admission)


@pytest.mark.parametrize("unknown", ["reject", "quarantine", "accept"])
def test_a_wrong_token_is_never_an_unknown_caller(unknown: str) -> None:
    text = FILE.replace("unknown_callers: reject", f"unknown_callers: {unknown}")
    assert [refused(token, text=text) for token in ("guess", "", digest("web"))] == ["unknown-token"] * 3


def test_who_shows_none_is_an_unknown_caller() -> None:
    assert refused(None) == "no-token"
    held = ask(None, text=FILE.replace("unknown_callers: reject", "unknown_callers: quarantine"))
    assert isinstance(held, Admission)
    assert (held.hold, held.calling_ae) == ("unknown-caller", "HTTP")
    free = Everybody().admit_upload(HERE, "whatever")
    assert isinstance(free, Admission)
    assert free.calling_ae == "HTTP"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("a: {sends: {tokens: my-secret}}", "`sluice peers token`"),
        (f"a: {{sends: {{tokens: {'a' * 64}}}}}\n  b: {{sends: {{tokens: [{'a' * 64}]}}}}", "token of a"),
        ("a: {sends: {}}", "ae_titles or tokens"),
    ],
)
def test_a_token_that_is_written_wrongly_is_named_by_its_line_and_not_repeated(entry: str, words: str) -> None:
    with pytest.raises(PeersFileError) as fault:
        Peers.parse(f"peers:\n  {entry}\n", "peers.yaml")
    assert words in str(fault.value)
    assert "line" in str(fault.value)
    assert "my-secret" not in str(fault.value)
