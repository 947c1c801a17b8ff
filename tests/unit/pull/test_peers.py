"""peers.yaml says clearly what is wrong with it, and `sluice peers` says why a peer does not answer."""

from pathlib import Path

import pytest

from processors.errors import PeersFileError, UnknownPeerError
from processors.peers import Peers
from sluice.cli import main
from tests.loopback import free_port

GOOD = """
peers:
  pacs: {ae_title: ORTHANC, host: pacs.hospital, port: 104, between: "22:00-05:00", note: queried}
  archive: {ae_title: VNA, host: 10.0.0.9, port: 11112, calling_ae_title: SLUICE2, receiver_ae_title: RECEIVER}
"""


def peers(tmp_path: Path, text: str) -> Peers:
    (tmp_path / "peers.yaml").write_text(text)
    return Peers.load(tmp_path)


def test_a_peer_is_called_by_its_name(tmp_path: Path) -> None:
    known = peers(tmp_path, GOOD)
    assert (known.get("pacs").ae_title, known.get("pacs").move_destination) == ("ORTHANC", "SLUICE")
    assert (known.get("archive").calling_ae_title, known.get("archive").move_destination) == ("SLUICE2", "RECEIVER")
    assert str(known.get("pacs").between) == "22:00-05:00"


def test_no_file_means_no_peers(tmp_path: Path) -> None:
    with pytest.raises(UnknownPeerError, match="names: none"):
        Peers.load(tmp_path).get("pacs")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("peers: [a", "no YAML at line"),
        ("peers: {pacs: {ae_title: A, host: h}}", "peers.pacs.port: Field required"),
        ("peers: {pacs: {ae_title: A, host: h, port: 0}}", "peers.pacs.port"),
        ("peers: {pacs: {ae_title: 12345, host: h, port: 104}}", "peers.pacs.ae_title: Input should be a valid string"),
        ("peers: {pacs: {ae_title: SEVENTEEN-LETTERS, host: h, port: 104}}", "1 to 16 printable"),
        ("peers: {pacs: {ae_title: A, host: h, port: 104, colour: red}}", "peers.pacs.colour"),
        ("peers: {pacs: {ae_title: A, host: h, port: 104, between: nightly}}", "HH:MM-HH:MM"),
        ("peers: {Our PACS: {ae_title: A, host: h, port: 104}}", "should match pattern"),
        ("peers: [a, b]", "it is no mapping"),
        ("peers: {pacs: here}", "it is no mapping"),
    ],
)
def test_a_file_that_cannot_be_used_names_the_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(PeersFileError, match=said):
        peers(tmp_path, text)


def test_peers_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "trusted").mkdir()
    peers(tmp_path / "trusted", GOOD)
    main(["peers", "list", "--home", str(tmp_path)])
    assert capsys.readouterr().out.splitlines() == [
        "pacs: ORTHANC at pacs.hospital:104, we are SLUICE; queried",
        "archive: VNA at 10.0.0.9:11112, we are SLUICE2",
    ]
    main(["peers", "list", "--json", "--home", str(tmp_path)])
    assert '"between": "22:00-05:00"' in capsys.readouterr().out


def test_a_peer_that_is_down_is_one_line_with_a_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["peers", "echo", "--host", "127.0.0.1", "--port", str(free_port()), "--called-ae", "PACS"])
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert "nothing listens on that port" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["pacs", "--host", "h", "--port", "1"], ["--host", "h"]])
def test_echo_wants_a_name_or_a_host(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["peers", "echo", *arguments])
    assert ended.value.code == 2
    assert "NAME" in capsys.readouterr().err
