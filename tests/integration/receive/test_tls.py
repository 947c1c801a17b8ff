"""A real receiver with mutual TLS against dcmtk (PS3.15 B.10), and what it says of those who do not get in."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.x509 import load_pem_x509_certificate

from tests.builders import write_ct_series
from tests.certificates import TestAuthority
from tests.integration.receive.doctor import ask_doctor, echoscu, troubles
from tests.integration.receive.test_management import scrape
from tests.receiver_process import ReceiverProcess, storescu
from tests.waiting import wait_for

pytestmark = pytest.mark.integration

FILE = """
peers:
  ct1: {sends: {ae_titles: CT1, tls: {names: ct1}}}
  mr1: {sends: {ae_titles: MR1}}
"""


@dataclass
class Encrypted:
    receiver: ReceiverProcess
    authority: TestAuthority

    def client(self, name: str, days: int = 400) -> list[str]:
        certificate, key = self.authority.issue(name, days=days)
        return ["+tls", str(key), str(certificate), "+cf", str(self.authority.file)]


@pytest.fixture(params=["reference", "fast"])
def encrypted(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Encrypted]:
    (tmp_path / "peers.yaml").write_text(FILE)
    authority = TestAuthority.new(tmp_path / "certificates")
    certificate, key = authority.issue("receiver", days=400)
    options = ["--engine", str(request.param), "--peers", str(tmp_path / "peers.yaml"), "--tls-port", "0"]
    options += ["--tls-certificate", str(certificate), "--tls-key", str(key), "--tls-authority", str(authority.file)]
    with ReceiverProcess(tmp_path / "home", *options, "--management-port", "0") as receiver:
        yield Encrypted(receiver, authority)


def test_objects_come_by_tls_whole_and_the_plain_port_stays_for_who_need_not(
    encrypted: Encrypted, tmp_path: Path
) -> None:
    receiver, files = encrypted.receiver, write_ct_series(tmp_path / "ct", slices=3)
    assert len(storescu(receiver.tls_port, files, "-R", "-aet", "CT1", *encrypted.client("ct1")).success) == 3
    assert not storescu(receiver.port, files, "-R", "-aet", "CT1").success
    assert len(storescu(receiver.port, files, "-R", "-aet", "MR1").success) == 3
    wait_for(receiver.deliveries)
    assert troubles(receiver, 1) == ["not-encrypted"]


def test_each_who_does_not_get_in_is_told_of_with_cause(
    encrypted: Encrypted, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver, port = encrypted.receiver, encrypted.receiver.tls_port
    stranger = TestAuthority.new(tmp_path / "stranger", "stranger")
    certificate, key = stranger.issue("ct1")
    ours = ["+cf", str(encrypted.authority.file)]
    refused = {
        "wrong-certificate": encrypted.client("ct2"),
        "certificate-expired": encrypted.client("old", days=-1),
        "certificate-unknown-authority": ["+tls", str(key), str(certificate), *ours],
        "no-certificate": ["+tla", *ours],
        "tls-cipher": [*encrypted.client("ct1"), "+pa"],
        "plain-on-tls-port": [],
    }
    for options in refused.values():
        assert not echoscu(port, "CT1", *options)
    assert sorted(troubles(receiver, len(refused))) == sorted(refused)
    asked = ask_doctor(receiver.home, capsys)
    [expired] = [one for one in asked["troubles"] if one["cause"] == "certificate-expired"]
    assert (expired["sentence"], expired["remedy"]) == (
        "127.0.0.1 showed a certificate that has expired.",
        "Renew the device's certificate; see also that its clock is right.",
    )


def test_a_renewed_certificate_is_shown_without_a_restart_and_its_end_is_a_metric(encrypted: Encrypted) -> None:
    receiver = encrypted.receiver
    assert echoscu(receiver.tls_port, "CT1", *encrypted.client("ct1"))
    renewed, _ = encrypted.authority.issue("receiver", days=800)
    assert echoscu(receiver.tls_port, "CT1", *encrypted.client("ct1"))
    expires = load_pem_x509_certificate(renewed.read_bytes()).not_valid_after_utc.timestamp()
    assert scrape(receiver)["sluice_certificate_expires_timestamp_seconds"] == expires
    assert scrape(receiver)["sluice_certificate_files_sound"] == 1.0


def test_certificates_that_end_soon_are_told_of_before(encrypted: Encrypted) -> None:
    receiver = encrypted.receiver
    assert echoscu(receiver.tls_port, "CT1", *encrypted.client("ct1", days=7))
    assert troubles(receiver, 1) == ["peer-certificate-expires"]
    encrypted.authority.issue("receiver", days=7)
    # In the moment between certificate and key they do not belong together, which may be told too.
    wait_for(lambda: "our-certificate-expires" in troubles(receiver, 2))
    assert set(troubles(receiver, 2)) - {"certificate-files-broken"} == {
        "peer-certificate-expires",
        "our-certificate-expires",
    }
