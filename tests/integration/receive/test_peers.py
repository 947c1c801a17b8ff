"""A real receiver with a peers file, real senders, and what the doctor says of them (PS3.8 9.3)."""

import json
import socket
from pathlib import Path

import pytest

from sluice.cli import main
from tests.builders import write_ct_series
from tests.integration.receive.doctor import ask_doctor, echoscu, troubles
from tests.integration.receive.test_management import scrape
from tests.receiver_process import ReceiverProcess, storescu
from tests.waiting import wait_for

pytestmark = pytest.mark.integration

FILE = """
receiver: {unknown_callers: UNKNOWN, called_ae_titles: [SLUICE]}
peers:
  ct1:
    sends: {ae_titles: [CT1, CT1B], addresses: 127.0.0.0/8, sop_classes: CTImageStorage, project: lung}
  mr1:
    sends: {ae_titles: MR1, sop_classes: MRImageStorage}
  rle:
    sends: {ae_titles: RLE, transfer_syntaxes: RLELossless}
  far:
    sends: {ae_titles: FAR, addresses: 192.0.2.0/24}
  day:
    sends: {ae_titles: DAY, limits: {bytes_per_day: 1}}
"""


@pytest.fixture(params=["reference", "fast"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def receiver_of(tmp_path: Path, engine: str, unknown: str = "reject", *options: str) -> ReceiverProcess:
    file = tmp_path / "peers.yaml"
    file.write_text(FILE.replace("UNKNOWN", unknown))
    return ReceiverProcess(tmp_path / "home", "--engine", engine, "--peers", str(file), *options)


def test_who_may_send_is_known_by_peer_and_who_may_not_hears_why_from_the_doctor(
    tmp_path: Path, engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files = write_ct_series(tmp_path / "ct", slices=2)
    # storescu -R proposes no more than what its files need.
    with receiver_of(tmp_path, engine, "reject", "--management-port", "0") as receiver:
        assert len(storescu(receiver.port, files, "-R", "-aet", "CT1").success) == 2
        refused = {"unknown-caller": "CT9", "wrong-called-ae": "CT1", "wrong-address": "FAR"}
        refused |= {"no-sop-class": "MR1", "no-transfer-syntax": "RLE"}
        for told, (cause, calling) in enumerate(refused.items()):
            called = "OTHER" if cause == "wrong-called-ae" else "SLUICE"
            assert not storescu(receiver.port, files, "-R", "-aet", calling, called=called).success
            # A sender may have its answer before this is told: the next one must not overtake it.
            assert troubles(receiver, told + 1) == list(refused)[: told + 1]
        day = storescu(receiver.port, files, "-R", "-aet", "DAY")
        assert (len(day.success), list(day.refused.values())) == (1, [0xA700])
        wait_for(lambda: len(receiver.deliveries()) == 1)
        [delivery] = receiver.deliveries()
        assert (delivery.sender, delivery.project_hint, delivery.hold) == ("ct1", "lung", None)
        found = troubles(receiver, 7)
        assert found[:5] == list(refused)
        assert set(found[5:]) == {"day-used-up", "objects-refused"}
        asked = ask_doctor(receiver.home, capsys)
        metrics = scrape(receiver)
    by_cause = {str(one["cause"]): one for one in asked["troubles"]}
    assert by_cause["unknown-caller"]["sentence"] == (
        "CT9 at 127.0.0.1 is not in the peers file, and unknown callers are rejected."
    )
    assert by_cause["no-sop-class"]["detail"] == "CTImageStorage"
    assert "Add the class to sop_classes of peer mr1" in str(by_cause["no-sop-class"]["remedy"])
    assert {"caller": "far", "cause": "wrong-address", "count": 1} in asked["counts"]
    assert metrics["sluice_association_troubles_total[('cause', 'unknown-caller')]"] == 1
    assert metrics["sluice_peers_file_sound"] == 1
    said = [str(event["sentence"]) for event in receiver.events("trouble")]
    assert by_cause["wrong-address"]["sentence"] in said


def test_what_an_unknown_caller_sends_is_kept_and_waits(tmp_path: Path, engine: str) -> None:
    files = write_ct_series(tmp_path / "ct", slices=1)
    with receiver_of(tmp_path, engine, "quarantine") as receiver:
        assert len(storescu(receiver.port, files, "-R", "-aet", "CT9").success) == 1
        assert troubles(receiver, 1) == ["quarantined"]
        [delivery] = receiver.deliveries()
    assert (delivery.sender, delivery.hold) == (None, "unknown-caller")


def rewrite(file: Path, text: str) -> None:
    """At once: the receiver may look at any moment, and tells of what it finds half written."""
    new = file.with_suffix(".new")
    new.write_text(text)
    new.replace(file)


def test_a_peers_file_holds_as_soon_as_it_is_written_and_a_broken_one_never(tmp_path: Path, engine: str) -> None:
    with receiver_of(tmp_path, engine) as receiver:
        file = tmp_path / "peers.yaml"
        good = file.read_text()
        assert not echoscu(receiver.port, "CT9")
        rewrite(file, good.replace("[CT1, CT1B]", "[CT1, CT9]"))
        assert echoscu(receiver.port, "CT9")
        rewrite(file, good + "  broken: [")
        assert echoscu(receiver.port, "CT9")
        assert troubles(receiver, 2) == ["unknown-caller", "peers-file-broken"]
        rewrite(file, good)
        assert not echoscu(receiver.port, "CT9")
        assert echoscu(receiver.port, "CT1B")


def test_what_is_no_dicom_or_does_not_go_on_is_told(tmp_path: Path, engine: str) -> None:
    with receiver_of(tmp_path, engine) as receiver:
        for sent in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b"\x01\x00\x00\x00\x00\x04bad!"):
            with socket.create_connection(("127.0.0.1", receiver.port)) as connection:
                connection.sendall(sent)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass
        assert set(troubles(receiver, 3)) == {"not-dicom", "tls-on-plain-port", "associate-malformed"}


def test_a_check_says_in_words_what_is_wrong_with_a_peer_both_ways(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    (home / "trusted").mkdir(parents=True)
    with ReceiverProcess(tmp_path / "pacs") as pacs:
        (home / "trusted" / "peers.yaml").write_text(
            f"receiver: {{unknown_callers: reject}}\n"
            f"peers:\n"
            f"  pacs: {{ae_title: PACS, host: 127.0.0.1, port: {pacs.port}, sends: {{}}}}\n"
            f"  moved: {{ae_title: MOVED, host: 127.0.0.1, port: {pacs.port}, sends: {{addresses: 192.0.2.1}}}}\n"
        )
        with pytest.raises(SystemExit):
            main(["peers", "check", "--store", "--json", "--home", str(home)])
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        wait_for(lambda: len(pacs.deliveries()) == 2)
    good = {(each["peer"], each["way"], each["step"]) for each in found if each["is_good"]}
    assert good == {
        ("pacs", "to", "echo"),
        ("pacs", "to", "store"),
        ("pacs", "from", "admission"),
        ("moved", "to", "echo"),
        ("moved", "to", "store"),
    }
    [wrong] = [each for each in found if not each["is_good"]]
    assert wrong["sentence"] == "MOVED called from 127.0.0.1, which is not among the addresses of peer moved."
    assert "add 127.0.0.1 to the peer's addresses" in wrong["remedy"]
