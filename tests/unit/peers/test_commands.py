"""`sluice doctor`, and `sluice peers` for those who only send: words for people, JSON for programs."""

import json
import time
from contextlib import closing
from pathlib import Path

import pytest

from processors.ledger import troubles
from processors.ledger.schema import connect, transaction
from processors.ledger.troubles import Trouble
from sluice.cli import main
from tests.loopback import free_port

FILE = "peers: {ct1: {sends: {ae_titles: [CT1, CT1B], addresses: 10.1.0.0/16, tls: {}}}}"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / "peers.yaml").write_text(FILE)
    return tmp_path


def trouble(home: Path, *wanted: Trouble) -> None:
    with closing(connect(home / "trusted" / "ledger.db")) as ledger, transaction(ledger):
        for one in wanted:
            troubles.add(ledger, one)


def said(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    capsys.readouterr()
    main(command)
    return capsys.readouterr().out


def test_the_doctor_says_what_happened_and_what_to_do_with_counts(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unknown = Trouble(time.time(), "unknown-caller", calling_ae="CT9", address="10.1.0.7")
    trouble(home, unknown, unknown, Trouble(time.time() - 8 * 86400, "lost", calling_ae="OLD"))
    words = said(capsys, "doctor", "--home", str(home))
    assert "CT9 at 10.1.0.7 is not in the peers file, and unknown callers are rejected. (2 times that day)" in words
    assert "If it may send, add CT9 to ae_titles" in words
    assert words.splitlines()[-1].split() == ["CT9", "2", "unknown-caller"]
    assert "OLD" in said(capsys, "doctor", "--home", str(home), "--since", "9d")


def test_the_doctor_looks_at_one_peer_alone(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = time.time()
    trouble(home, Trouble(now, "lost", peer="ct1", calling_ae="CT1"), Trouble(now, "lost", calling_ae="MR1"))
    found = json.loads(said(capsys, "doctor", "--json", "--peer", "ct1", "--home", str(home)))
    assert [each["calling_ae"] for each in found["troubles"]] == ["CT1"]
    assert found["counts"] == [{"caller": "ct1", "cause": "lost", "count": 1}]


def test_a_healthy_receiver_has_nothing_to_tell(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trouble(home)
    assert said(capsys, "doctor", "--home", str(home)) == "No association was refused, aborted or odd.\n"


def test_a_time_without_its_unit_is_a_usage_error(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["doctor", "--since", "7", "--home", str(home)])
    assert ended.value.code == 2
    assert "a number with its unit" in capsys.readouterr().err


def test_who_only_sends_is_listed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "peers", "list", "--home", str(home)) == "ct1 sends as CT1, CT1B from 10.1.0.0/16\n"


def test_a_modality_that_has_never_sent_fails_its_check(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trouble(home)
    with pytest.raises(SystemExit):
        main(["peers", "check", "--home", str(home)])
    assert capsys.readouterr().out.splitlines() == [
        "ok    ct1, admission: Our receiver lets it in as CT1 from 10.1.0.0, with TLS and its certificate.",
        "ok    ct1, admission: Our receiver lets it in as CT1B from 10.1.0.0, with TLS and its certificate.",
        "FAIL  ct1, last seen: It has never had an association with us.",
        "      Have the device send or echo to our receiver, then look again; `sluice doctor` says why it cannot.",
    ]


def test_a_peer_that_does_not_listen_is_named_with_what_to_change(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    file = home / "trusted" / "peers.yaml"
    file.write_text(f"peers: {{pacs: {{ae_title: PACS, host: 127.0.0.1, port: {port}}}}}")
    with pytest.raises(SystemExit):
        main(["peers", "check", "pacs", "--home", str(home)])
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"FAIL  pacs, echo: Peer pacs (127.0.0.1:{port}): nothing listens on that port."
    assert "firewall" in second


def test_a_receiver_without_a_port_or_with_half_of_tls_does_not_start(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for options, words in (([], "give --port, --tls-port, or both"), (["--tls-port", "0"], "--tls-port needs")):
        with pytest.raises(SystemExit) as ended:
            main(["receive", "--home", str(home), *options])
        assert ended.value.code == 2
        assert words in capsys.readouterr().err


def test_a_receiver_does_not_start_with_a_broken_peers_file(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "trusted" / "peers.yaml").write_text("peers:\n  ct1:\n    sends: {colour: red}")
    with pytest.raises(SystemExit) as ended:
        main(["receive", "--home", str(home), "--port", "0", "--peers", str(home / "trusted" / "peers.yaml")])
    assert ended.value.code == 1
    assert "line 3, peers.ct1.sends.colour" in capsys.readouterr().err
