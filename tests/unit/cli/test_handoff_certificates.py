"""`sluice certificates` makes what both sides speak TLS by, and everything that it prints can be used as it is."""

import re
import ssl
from pathlib import Path

import pytest
from click.testing import CliRunner

from handoff.access.tls import TlsFiles, server_context
from nifi.releases.pin import ADDRESS, sources
from processors.ledger.handoff_pin import context
from sluice.handoff_certificates import certificates
from sluice.site_secrets import SecretsExistError


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, str]:
    """The folder and what was said."""
    folder = tmp_path_factory.mktemp("site") / "tls"
    done = CliRunner().invoke(certificates, [str(folder), "--host", "handoff.example"], catch_exceptions=False)
    return folder, done.output


def test_nobody_else_may_read_them_and_the_authority_cannot_sign_again(made):
    folder, _ = made
    assert folder.stat().st_mode & 0o777 == 0o700
    names = {"ca.pem", "handoff.pem", "handoff-key.pem", "trusted.pem", "trusted-key.pem"}
    assert {file.name for file in folder.iterdir()} == names
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("name", ["handoff.example", "localhost", "127.0.0.1"])
def test_both_sides_know_each_other_by_them_even_where_certificates_are_read_strictly(made, name):
    """Python 3.13 demands what RFC 5280 does."""
    folder, _ = made
    server = server_context(TlsFiles(folder / "handoff.pem", folder / "handoff-key.pem", folder / "ca.pem"))
    client = context(folder / "ca.pem", folder / "trusted.pem", folder / "trusted-key.pem")
    assert client is not None
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(to_client, to_server, server_hostname=name)
    there = server.wrap_bio(to_server, to_client, server_side=True)
    open_ends = [here, there]
    for _ in range(10):
        for end in list(open_ends):
            try:
                end.do_handshake()
                open_ends.remove(end)
            except ssl.SSLWantReadError:
                continue
    assert not open_ends
    assert dict(part[0] for part in there.getpeercert()["subject"]) == {"commonName": "trusted"}


def test_nifi_would_take_them(made):
    _, said = made
    files = dict(re.findall(r"--secret-file (\S+?)=(\S+)", said))
    assert files.keys() == {"handoff.ca", "handoff.client.certificate", "handoff.client.key"}
    values = {name: Path(file).read_text() for name, file in files.items()}
    assert set(sources({ADDRESS: "https://handoff.example", **values}).values()) == {"PROPERTIES"}


def test_every_file_that_is_named_in_what_it_says_is_there(made):
    folder, said = made
    named = re.findall(rf"{re.escape(str(folder))}/[a-z-]+\.pem", said)
    assert {Path(file) for file in named} == set(folder.iterdir())


def test_what_is_there_is_never_overwritten(made):
    folder, _ = made
    before = (folder / "ca.pem").read_bytes()
    with pytest.raises(SecretsExistError):
        CliRunner().invoke(certificates, [str(folder)], catch_exceptions=False)
    assert (folder / "ca.pem").read_bytes() == before
