"""Peers that are called by TLS: dcmtk's storescp and our own receiver; what does not fit is said in words."""

import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from processors.dicom.associate import echo
from processors.dicom.errors import PeerTLSError
from processors.dicom.storage_scu import send
from processors.peers import CallTLS, Peer, Peers
from sluice.cli import main
from tests.builders import write_ct_series
from tests.certificates import TestAuthority
from tests.loopback import free_port
from tests.receiver_process import ReceiverProcess, data_set_bytes, peer
from tests.waiting import wait_for

pytestmark = pytest.mark.integration


@pytest.fixture
def hospital(tmp_path: Path) -> TestAuthority:
    return TestAuthority.new(tmp_path / "tls", "hospital")


@contextmanager
def storescp(folder: Path, authority: TestAuthority, *options: str, days: int = 400) -> Iterator[Peer]:
    """dcmtk's, which wants a certificate of the authority; as a peer whose certificate is for 127.0.0.1."""
    certificate, key = authority.issue("pacs", days=days)
    folder.mkdir(exist_ok=True)
    port = free_port()
    head = [peer("storescp"), "-aet", "PACS", "-od", str(folder), "+tls", str(key), str(certificate)]
    with subprocess.Popen([*head, "+cf", str(authority.file), "-rc", *options, str(port)]) as process:
        try:
            called = Peer(name="pacs", ae_title="PACS", host="127.0.0.1", port=port, tls=shown(authority))
            wait_for(lambda: is_there(port))
            yield called
        finally:
            process.kill()


def is_there(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def shown(authority: TestAuthority, name: str = "sluice", *, days: int = 400) -> CallTLS:
    certificate, key = authority.issue(name, days=days)
    return CallTLS(authority=authority.file, certificate=certificate, key=key)


def test_objects_go_by_tls_byte_for_byte(hospital: TestAuthority, tmp_path: Path) -> None:
    files = write_ct_series(tmp_path / "ct", slices=3)
    with storescp(tmp_path / "out", hospital, "+B") as pacs:
        echo(pacs)
        assert [one.outcome for one in send(pacs, files)] == ["stored"] * 3
        kept = sorted(data_set_bytes(file) for file in (tmp_path / "out").iterdir())
    assert kept == sorted(data_set_bytes(file) for file in files)


def but(tls: CallTLS, **changes: object) -> CallTLS:
    return tls.model_copy(update=changes)


def stranger(tls: CallTLS) -> CallTLS:
    other = TestAuthority.new(tls.authority.parent / "strange", "strange")
    return but(shown(other), authority=tls.authority)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda tls: but(tls, authority=stranger(tls).certificate), "tls-unknown-authority", "does not hold"),
        (lambda tls: but(tls, name="other.hospital"), "tls-wrong-name", "not for other.hospital"),
        (lambda tls: CallTLS(authority=tls.authority), "tls-ours", "certificate"),
        (stranger, "tls-ours-refused", "trust our authority"),
        (lambda tls: but(tls, authority=Path("/nowhere.pem")), "tls-files", "/nowhere.pem holds no authority"),
        (lambda tls: but(tls, key=tls.authority), "tls-files", "no private key"),
    ],
    ids=["an unknown authority", "another name", "no certificate", "a stranger's certificate", "no file", "no key"],
)  # fmt: skip
def test_what_does_not_fit_is_said_with_what_to_change(
    hospital: TestAuthority, tmp_path: Path, change: Callable[[CallTLS], CallTLS], code: str, words: str
) -> None:
    with storescp(tmp_path / "out", hospital) as pacs:
        assert pacs.tls is not None
        with pytest.raises(PeerTLSError) as caught:
            echo(pacs.model_copy(update={"tls": change(pacs.tls)}))
    assert caught.value.code.startswith(code)
    assert words in str(caught.value)


def test_an_expired_certificate_of_the_peer_is_named(hospital: TestAuthority, tmp_path: Path) -> None:
    with storescp(tmp_path / "out", hospital, days=-1) as pacs, pytest.raises(PeerTLSError, match="has expired"):
        echo(pacs)


def test_a_peer_without_tls_on_that_port_is_named(hospital: TestAuthority, tmp_path: Path) -> None:
    with ReceiverProcess(tmp_path / "home") as plain:
        called = Peer(name="pacs", ae_title="PACS", host="127.0.0.1", port=plain.port, tls=shown(hospital))
        with pytest.raises(PeerTLSError) as caught:
            echo(called)
    assert caught.value.code in {"tls-not-spoken", "tls-failed"}


def test_a_check_calls_by_tls_and_says_when_our_certificate_ends(
    hospital: TestAuthority, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    certificate, key = hospital.issue("receiver", days=400)
    options = ["--tls-port", "0", "--tls-certificate", str(certificate), "--tls-key", str(key)]
    home = tmp_path / "home"
    (home / "trusted" / "tls").mkdir(parents=True)
    with ReceiverProcess(tmp_path / "other", *options, "--tls-authority", str(hospital.file)) as other:
        for days, good in ((400, True), (7, False), (-1, False)):
            tls = shown(hospital, days=days)
            for file in (hospital.file, tls.certificate, tls.key):
                assert file is not None
                (home / "trusted" / "tls" / file.name).write_bytes(file.read_bytes())
            (home / "trusted" / "peers.yaml").write_text(
                f"peers: {{pacs: {{ae_title: PACS, host: 127.0.0.1, port: {other.tls_port}, tls: {{"
                "authority: tls/hospital.pem, certificate: tls/sluice.pem, key: tls/sluice.key}}}"
            )
            assert Peers.load(home / "trusted").get("pacs").tls is not None
            with pytest.raises(SystemExit) if not good else nullcontext():
                main(["peers", "check", "--store", "--json", "--home", str(home)])
            found = {one["step"]: one for one in map(json.loads, capsys.readouterr().out.splitlines())}
            assert found["certificate"]["is_good"] is good
            assert found["echo"]["is_good"] is (days > 0)
            if days > 0:
                assert "answers by TLS" in found["echo"]["sentence"]
                assert found["store"]["is_good"]
            else:
                assert "have its administrator trust our authority, or renew it" in found["echo"]["sentence"]
