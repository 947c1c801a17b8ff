"""Real clients upload by HTTP to a real receiver, beside real DICOM senders (PS3.18 10.5)."""

import hashlib
import json
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from sluice.cli import main
from tests.builders import write_ct_series
from tests.certificates import TestAuthority
from tests.integration.receive.doctor import ask_doctor, troubles
from tests.integration.receive.test_management import scrape
from tests.receiver_process import ReceiverProcess, data_set_bytes, peer, storescu, uid_of
from tests.unit.upload.bodies import RELATED, related
from tests.waiting import wait_for

pytestmark = pytest.mark.integration

TOKEN = "a-token-of-ct1"
MR_TOKEN = "a-token-of-mr1"
FAR_TOKEN = "a-token-of-far"


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


PEERS = f"""
receiver: {{unknown_callers: UNKNOWN}}
peers:
  ct1:
    sends: {{tokens: {digest(TOKEN)}, ae_titles: CT1, project: lung, transfer_syntaxes: ExplicitVRLittleEndian}}
  mr1:
    sends: {{tokens: [{digest(MR_TOKEN)}], sop_classes: MRImageStorage}}
  far:
    sends: {{tokens: {digest(FAR_TOKEN)}, addresses: 192.0.2.0/24}}
"""


@pytest.fixture(params=["reference", "fast"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def post(receiver: ReceiverProcess, files: list[Path], token: str | None = None) -> httpx.Response:
    fields = {"Content-Type": RELATED} | ({} if token is None else {"Authorization": f"Bearer {token}"})
    body = related(file.read_bytes() for file in files)
    to = f"http://127.0.0.1:{receiver.http_port}/studies"
    return httpx.post(to, content=body, headers=fields, timeout=60, trust_env=False)


def receiver_of(tmp_path: Path, unknown: str, *options: str) -> ReceiverProcess:
    file = tmp_path / "peers.yaml"
    file.write_text(PEERS.replace("UNKNOWN", unknown))
    return ReceiverProcess(tmp_path / "home", "--peers", str(file), "--http-port", "0", *options)


def test_what_comes_by_http_and_by_dicom_is_one_landing(tmp_path: Path, engine: str) -> None:
    files = write_ct_series(tmp_path / "ct", slices=4)
    options = ("--engine", engine, "--http-port", "0", "--management-port", "0")
    with ReceiverProcess(tmp_path / "home", *options) as receiver:
        assert len(storescu(receiver.port, files[:2]).success) == 2
        answer = post(receiver, files)
        assert (answer.status_code, len(answer.json()["00081199"]["Value"])) == (200, 4)
        assert scrape(receiver)["sluice_uploads_total[('status', '200')]"] == 1
        assert receiver.stop() == 0
        assert receiver.kept_bytes() == {uid_of(file): data_set_bytes(file) for file in files}
        assert receiver.rows("SELECT count(*) FROM instances WHERE disposition = 'duplicate'") == [(2,)]
        assert receiver.rows("SELECT DISTINCT ending FROM associations") == [("released",)]
        assert receiver.rows("SELECT count(*) FROM evidence") == [(2,)]


def test_curl_uploads_a_file_and_a_study(tmp_path: Path) -> None:
    files = write_ct_series(tmp_path / "ct", slices=3)
    body = tmp_path / "body"
    body.write_bytes(related(file.read_bytes() for file in files[1:]))
    with ReceiverProcess(tmp_path / "home", "--http-port", "0") as receiver:
        to = f"http://127.0.0.1:{receiver.http_port}"
        for content_type, file, target, options in (
            ("application/dicom", files[0], "/instances", []),
            (RELATED, body, "/studies", ["-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue"]),
        ):
            command = [
                peer("curl"),
                "-sS",
                "--noproxy",
                "*",
                "--max-time",
                "60",
                "-H",
                f"Content-Type: {content_type}",
                *options,
            ]
            done = subprocess.run(
                [*command, "--data-binary", f"@{file}", to + target], check=True, capture_output=True, text=True
            )
            assert "00081199" in json.loads(done.stdout)
        assert receiver.stop() == 0
        assert sorted(receiver.kept()) == sorted(map(uid_of, files))


def test_a_token_names_the_peer_with_its_project_and_its_limits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write_ct_series(tmp_path / "ct", slices=2)
    with receiver_of(tmp_path, "reject") as receiver:
        assert post(receiver, files, TOKEN).status_code == 200
        not_its_class = post(receiver, files, MR_TOKEN)
        assert not_its_class.status_code == 409
        reasons = {item["00081197"]["Value"][0] for item in not_its_class.json()["00081198"]["Value"]}
        assert reasons == {0x0122}
        assert post(receiver, files, FAR_TOKEN).status_code == 403
        wrong, none = post(receiver, files, "guessed"), post(receiver, files)
        assert [wrong.status_code, none.status_code] == [401, 401]
        assert none.headers["www-authenticate"] == "Bearer"
        told = troubles(receiver, 4)
        assert sorted(told) == ["no-token", "objects-refused", "unknown-token", "wrong-address"]
        assert receiver.stop() == 0
        [delivery] = receiver.deliveries()
        assert (delivery.sender, delivery.project_hint, delivery.calling_ae) == ("ct1", "lung", "CT1")
        for token in (TOKEN, MR_TOKEN, FAR_TOKEN, "guessed"):
            assert token not in receiver.log.read_text()
    words = json.dumps(ask_doctor(tmp_path / "home", capsys))
    assert "sluice peers token" in words


def test_an_unknown_one_is_in_quarantine_if_the_file_says_so(tmp_path: Path) -> None:
    files = write_ct_series(tmp_path / "ct", slices=1)
    with receiver_of(tmp_path, "quarantine") as receiver:
        assert post(receiver, files).status_code == 200
        assert post(receiver, files, "guessed").status_code == 401
        assert receiver.stop() == 0
        [delivery] = receiver.deliveries()
        assert (delivery.sender, delivery.hold) == (None, "unknown-caller")


def test_a_new_token_works_without_a_restart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = write_ct_series(tmp_path / "ct", slices=1)
    main(["peers", "token"])
    _, token, _, line = (each.strip() for each in capsys.readouterr().out.splitlines())
    with receiver_of(tmp_path, "reject") as receiver:
        assert post(receiver, files, token).status_code == 401
        file = tmp_path / "peers.yaml"
        file.write_text(file.read_text() + f"  new:\n    sends:\n      {line}\n")
        assert post(receiver, files, token).status_code == 200
        assert receiver.stop() == 0
        assert [delivery.calling_ae for delivery in receiver.deliveries()] == ["new"]


def test_mutual_tls_is_that_of_dicom(tmp_path: Path) -> None:
    files = write_ct_series(tmp_path / "ct", slices=1)
    authority = TestAuthority.new(tmp_path / "tls")
    certificate, key = authority.issue("receiver")
    ours = ssl.create_default_context(cafile=str(authority.file))
    ours.load_cert_chain(*authority.issue("scanner"))
    nobody = ssl.create_default_context(cafile=str(authority.file))
    tls = ["--tls-certificate", str(certificate), "--tls-key", str(key), "--tls-authority", str(authority.file)]
    with ReceiverProcess(tmp_path / "home", "--https-port", "0", *tls) as receiver:
        to = f"https://127.0.0.1:{receiver.https_port}/instances"
        fields = {"Content-Type": "application/dicom"}
        content = files[0].read_bytes()
        with httpx.Client(verify=ours, timeout=60, trust_env=False) as client:
            assert client.post(to, content=content, headers=fields).status_code == 200
        with httpx.Client(verify=nobody, timeout=60, trust_env=False) as client, pytest.raises(httpx.TransportError):
            client.post(to, content=content, headers=fields)
        wait_for(lambda: receiver.rows("SELECT 1 FROM troubles WHERE cause = 'no-certificate'"))
        assert receiver.stop() == 0
        assert list(receiver.kept()) == [uid_of(files[0])]


def test_a_port_that_is_taken_ends_the_start_with_words(tmp_path: Path) -> None:
    with ReceiverProcess(tmp_path / "home", "--http-port", "0") as receiver:
        other = ReceiverProcess(tmp_path / "other", "--http-port", str(receiver.http_port))
        done = subprocess.run(other.command("--port", "0"), check=False, capture_output=True, text=True, timeout=120)
        assert done.returncode != 0
        assert str(receiver.http_port) in done.stderr
        assert "Traceback" not in done.stderr
