"""A check of a peer that uploads by HTTP: whether its token would let it in, and whose token is missing or wrong."""

import hashlib
import time
from contextlib import closing
from pathlib import Path

import pytest

from processors.dicom.peer_check import check
from processors.dicom.peer_finding import Finding
from processors.landing.journal import AssociationFacts
from processors.ledger import associations, troubles
from processors.ledger.schema import connect, transaction
from processors.ledger.troubles import Trouble
from processors.peers import Peers

TOKEN = hashlib.sha256(b"the token of ct1").hexdigest()
HERE = "10.1.0.7"
WITH, WITHOUT = f"addresses: 10.1.0.0/16, tokens: {TOKEN}", "addresses: 10.1.0.0/16, ae_titles: CT1"


def peers(sends: str) -> Peers:
    return Peers.parse(f"peers: {{ct1: {{sends: {{{sends}}}}}, mr1: {{sends: {{ae_titles: MR1}}}}}}", "peers.yaml")


def found(folder: Path, sends: str, *steps: str, name: str = "ct1") -> list[Finding]:
    with closing(connect(folder / "ledger.db")) as ledger:
        return [one for one in check(peers(sends), name, ledger, store=False) if one.step in steps]


def refused(folder: Path, cause: str, address: str = HERE, *, at: float | None = None) -> None:
    with closing(connect(folder / "ledger.db")) as ledger, transaction(ledger):
        troubles.add(ledger, Trouble(time.time() - 3600 if at is None else at, cause, address=address))


def came(folder: Path, calling: str) -> None:
    facts = AssociationFacts(id="a" * 32, opened_at=time.time(), calling_ae=calling, called_ae="SLUICE", peer=HERE)
    with closing(connect(folder / "ledger.db")) as ledger, transaction(ledger):
        associations.add_open(ledger, facts)


@pytest.mark.parametrize(
    ("sends", "said"),
    [
        (WITH, "takes uploads with its token from 10.1.0.0."),
        (f"tls: {{names: ct1}}, {WITH}", "takes uploads with its token from 10.1.0.0, with TLS and its certificate."),
        (f"addresses: 10.1.0.0/16, tokens: [{TOKEN}, {'a' * 64}]", "takes uploads with any of its 2 tokens"),
    ],
)
def test_who_has_a_token_hears_whether_it_lets_it_in(tmp_path: Path, sends: str, said: str) -> None:
    [one] = found(tmp_path, sends, "uploads")
    assert one.is_good
    assert said in one.sentence


def test_who_has_no_token_and_has_never_tried_hears_nothing_of_uploads(tmp_path: Path) -> None:
    assert found(tmp_path, WITHOUT, "uploads", "token") == []


@pytest.mark.parametrize(
    ("sends", "cause", "said", "remedy"),
    [
        (WITHOUT, "no-token", "showed no token, and the peers file has none for it", "sluice peers token"),
        (WITHOUT, "unknown-token", "showed a token, and the peers file has none for it", "sluice peers token"),
        (WITH, "no-token", "showed no token, though the peers file has one", "Authorization: Bearer"),
        (WITH, "unknown-token", "showed a token that is not in the peers file", "may have been taken out"),
    ],
)
def test_an_upload_that_was_refused_for_its_token_is_told_of_the_peer_whose_address_it_came_from(
    tmp_path: Path, sends: str, cause: str, said: str, remedy: str
) -> None:
    refused(tmp_path, cause)
    refused(tmp_path, cause)
    [one] = found(tmp_path, sends, "token")
    assert not one.is_good
    assert one.sentence.startswith(f"An upload from {HERE}, 60 minutes ago, 2 times that day, {said}")
    assert remedy in one.remedy
    assert found(tmp_path, sends, "token", name="mr1") == []  # it has no addresses: anybody's could be its


@pytest.mark.parametrize("address", ["192.0.2.1", "", "no address"])
def test_an_upload_from_elsewhere_is_nobodys(tmp_path: Path, address: str) -> None:
    refused(tmp_path, "no-token", address)
    assert found(tmp_path, WITH, "token") == []


def test_what_was_seen_to_since_and_what_is_long_ago_are_not_told(tmp_path: Path) -> None:
    refused(tmp_path, "no-token")
    came(tmp_path, "ct1")
    assert found(tmp_path, WITH, "token") == []
    assert len(found(tmp_path, WITHOUT, "token")) == 1  # nobody gave it one
    (tmp_path / "old").mkdir()
    refused(tmp_path / "old", "no-token", at=time.time() - 8 * 86400)
    assert found(tmp_path / "old", WITHOUT, "token") == []
