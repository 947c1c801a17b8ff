"""The peers file says who may send, and each fault of it is named with its line."""

from ipaddress import ip_network

import pytest

from processors.errors import PeersFileError
from processors.peers import Peers

CT = "1.2.840.10008.5.1.4.1.1.2"

WHOLE = """\
receiver:
  unknown_callers: quarantine
  called_ae_titles: [SLUICE, RECEIVER]
peers:
  pacs:
    ae_title: RADPACS
    host: pacs.hospital
    port: 104
    sends: {addresses: 10.20.0.4}
  ct1:
    sends:
      ae_titles: [CT1, CT1_CONSOLE]
      addresses: [10.20.1.0/24, "2001:db8::7"]
      tls:
        names: ct1.hospital
        sha256: "AA:BB:CC:DD:AA:BB:CC:DD:AA:BB:CC:DD:AA:BB:CC:DD:AA:BB:CC:DD:AA:BB:CC:DD:AA:BB:CC:DD:AA:BB:CC:DD"
      sop_classes: [CTImageStorage, 1.2.3.4]
      transfer_syntaxes: ExplicitVRLittleEndian
      limits: {associations: 4, objects_per_second: 200, bytes_per_second: 1.5 MB, bytes_per_day: 500 GB}
      project: lung
"""


def read(text: str) -> Peers:
    return Peers.parse(text, "peers.yaml")


def test_a_peer_may_be_called_may_call_or_both() -> None:
    peers = read(WHOLE)
    assert list(peers.peers) == ["pacs"]
    assert list(peers.senders) == ["pacs", "ct1"]


def test_a_peer_sends_by_its_own_ae_title_unless_others_are_named() -> None:
    senders = read(WHOLE).senders
    assert senders["pacs"].ae_titles == ("RADPACS",)
    assert senders["ct1"].ae_titles == ("CT1", "CT1_CONSOLE")


def test_every_value_is_read_with_its_unit() -> None:
    sends = read(WHOLE).senders["ct1"].sends
    assert sends.addresses == (ip_network("10.20.1.0/24"), ip_network("2001:db8::7"))
    assert sends.tls is not None
    assert sends.tls.names == ("ct1.hospital",)
    assert sends.tls.sha256 == ("aabbccdd" * 8,)
    assert sends.sop_classes == (CT, "1.2.3.4")
    assert sends.transfer_syntaxes == ("1.2.840.10008.1.2.1",)
    assert (sends.limits.bytes_per_second, sends.limits.bytes_per_day) == (1_500_000, 500 * 10**9)
    assert sends.project == "lung"


def test_unknown_callers_are_rejected_unless_the_file_says_otherwise() -> None:
    assert read("peers: {}").receiver.unknown_callers == "reject"
    assert read(WHOLE).receiver.unknown_callers == "quarantine"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("recever: {}", "line 1, recever: there is no such key"),
        ("receiver:\n  unknown_callers: ask", "line 2, receiver.unknown_callers: Input should be 'reject'"),
        ("peers:\n  ct1:\n    sends: {}", "line 3, peers.ct1.sends: it needs ae_titles"),
        ("peers:\n  ct1:\n    sends:\n      ae_titles: [A, TOO-LONG-BY-A-LETTER]", "line 4, .*1 to 16 printable"),
        ("peers:\n  ct1:\n    sends:\n      ae_titles: A\n      addresses: 10.1.1.7/24", "line 5, .*host bits zero"),
        ("peers:\n  ct1:\n    sends:\n      ae_titles: A\n      sop_classes: CTImage", "line 5, .*SOP class keyword"),
        ("peers:\n  ct1:\n    sends:\n      ae_titles: A\n      transfer_syntaxes: JPEG", "line 5, .*transfer syntax"),
        (
            "peers:\n  ct1:\n    sends:\n      ae_titles: A\n      limits:\n        bytes_per_day: 5 GiB",
            "line 6, peers.ct1.sends.limits.bytes_per_day: a size is a number of bytes",
        ),
        ("peers:\n  ct1:\n    sends:\n      ae_titles: A\n      tls: {sha256: abc}", "line 5, .*64 hexadecimal"),
        ("peers:\n  ct1:\n    sends: {ae_titles: A}\n  ct1:\n    sends: {ae_titles: B}", "line 4, ct1 stands twice"),
        ("peers:\n  a:\n    sends: {ae_titles: X}\n  b:\n    sends: {ae_titles: X}", "line 5, .*X may also be a"),
        ("peers:\n  ct1:\n    note: nobody\n", "line 2, peers.ct1.ae_title: Field required"),
        ("peers:\n  a:\n    ae_title: A\n    port: 104\n    host: a..b", "line 5, peers.a.host: a host is a name"),
        ('peers:\n  a:\n    ae_title: A\n    port: 104\n    host: "a\\0b"', "line 5, peers.a.host: a host is a name"),
    ],
)
def test_a_fault_is_named_with_its_line_and_key(text: str, said: str) -> None:
    with pytest.raises(PeersFileError, match=said):
        read(text)


def test_all_faults_are_named_at_once_in_the_order_of_the_file() -> None:
    with pytest.raises(PeersFileError) as caught:
        read("peers:\n  a: {sends: {ae_titles: A, colour: red}}\n  b: {ae_title: B, host: h, port: 0}\n")
    assert [word for word in ("line 2", "colour", "line 3", "b.port") if word in str(caught.value)] == [
        "line 2",
        "colour",
        "line 3",
        "b.port",
    ]


def test_one_ae_title_may_belong_to_two_peers_of_different_addresses() -> None:
    peers = read(
        "peers:\n  a: {sends: {ae_titles: X, addresses: 10.0.1.0/24}}\n"
        "  b: {sends: {ae_titles: X, addresses: 10.0.2.0/24}}"
    )
    assert len(peers.senders) == 2


def test_peers_may_share_what_yaml_merges() -> None:
    peers = read(
        "peers:\n  a:\n    sends: &basement {ae_titles: A, addresses: 10.0.1.0/24, project: lung}\n"
        "  b:\n    sends: {<<: *basement, ae_titles: B}\n"
    )
    assert [(each.ae_titles, each.sends.project) for each in peers.senders.values()] == [
        (("A",), "lung"),
        (("B",), "lung"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "peers: &a {b: *a}",
        "x: &a [*a]",
        "[" * 500,
        "receiver: !!int ''",
        "receiver: !!float x",
        f"receiver: {'1' * 5000}",
        f"peers: {{ct1: {{sends: {{ae_titles: A, limits: {{bytes_per_day: {'9' * 400} GB}}}}}}}}",
    ],
    ids=["holds-itself", "list-in-itself", "deep", "no-number", "no-fraction", "long-number", "endless-size"],
)
def test_whatever_stands_in_the_file_is_a_fault_of_the_file(text: str) -> None:
    """The receiver reads it again at each association: what is no fault of the file would be one of the receiver."""
    with pytest.raises(PeersFileError, match=r"peers\.yaml cannot be used"):
        read(text)
