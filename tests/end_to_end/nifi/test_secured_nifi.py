"""Deploying to a NiFi that knows its callers by client certificates, as docker-compose.yml starts one."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from processors.deid.keys import KeyFile
from sluice.site_secrets import make_secrets
from tests.end_to_end.nifi.secured_nifi import SecuredNiFi
from tests.whole_path import RULES

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(1500)]


class Operator:
    """A person with the operator's certificate, and the NiFi in front of them."""

    def __init__(self, nifi: SecuredNiFi, trusted: Path, secrets: Path) -> None:
        self.nifi, self.trusted, self.secrets = nifi, trusted, secrets

    def flows(self, verb: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        certificates = {"CA": "ca.pem", "CERTIFICATE": "operator.pem", "KEY": "operator-key.pem"}
        named = {f"SLUICE_NIFI_{name}": str(self.secrets / file) for name, file in certificates.items()}
        command = [sys.executable, "-m", "sluice", "flows", verb, "--url", self.nifi.url, *options]
        environment = {**os.environ, **named, **environment}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def deploy(self, **environment: str) -> subprocess.CompletedProcess[str]:
        options = ["--set", f"trusted.home={self.trusted}", "--set", "handoff.url=https://127.0.0.1:9"]
        pins = {"ca": "door-ca.pem", "client.certificate": "trusted.pem", "client.key": "trusted-key.pem"}
        for name, file in pins.items():
            options += ["--secret-file", f"handoff.{name}={self.secrets / file}"]
        options += ["--secret-file", f"handoff.token={self.secrets / 'handoff-token'}"]
        options += ["--secret-file", f"receipt.public.key={self.secrets / 'receipt-public-key'}"]
        return self.flows("deploy", *options, **environment)


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    folder = tmp_path_factory.mktemp("secured")
    make_secrets(folder / "secrets")
    trusted = folder / "trusted"
    trusted.mkdir()
    (trusted / "rules.yaml").write_text(RULES)
    KeyFile.create(trusted / "keys" / "site.key")
    with SecuredNiFi(folder, folder / "secrets" / "trusted") as nifi:
        yield Operator(nifi, trusted, folder / "secrets" / "trusted")


def test_a_new_nifi_is_deployed_to_by_its_initial_administrator(operator: Operator):
    """It has no policy for its root group yet; deploying gives itself what it needs, once."""
    done = operator.deploy()
    assert done.returncode == 0, done.stderr
    assert "policy write /process-groups/" in done.stdout
    again = operator.deploy()
    assert again.returncode == 0, again.stderr
    assert "changed nothing" in again.stdout


def test_its_status_can_be_read(operator: Operator):
    assert operator.deploy().returncode == 0
    done = operator.flows("status", "--json")
    assert json.loads(done.stdout)["running"] is True, done.stderr


def test_without_a_certificate_it_is_one_sentence(operator: Operator):
    done = operator.flows("status", SLUICE_NIFI_CERTIFICATE="", SLUICE_NIFI_KEY="")
    assert done.returncode == 1
    assert done.stderr.startswith("sluice: NiFi at https://")
    assert "Traceback" not in done.stderr


def test_an_authority_that_is_not_ours_is_not_trusted(operator: Operator, tmp_path: Path):
    make_secrets(tmp_path / "other")
    done = operator.flows("status", SLUICE_NIFI_CA=str(tmp_path / "other" / "trusted" / "ca.pem"))
    assert done.returncode == 1
    assert "does not answer" in done.stderr


def test_a_certificate_file_that_is_missing_is_named_as_the_cause(operator: Operator):
    done = operator.flows("status", SLUICE_NIFI_CA="/nowhere/ca.pem")
    assert done.returncode == 1
    assert "certificates for NiFi cannot be used" in done.stderr
    assert "SLUICE_NIFI_CA" in done.stderr
