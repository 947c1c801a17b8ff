"""What a caller is answered: rejections as PS3.8 table 9-21 has them, contexts as table 9-18 has them."""

import pytest

from processors.dicom.admission import Admission, Caller, ClientCertificate, Everybody, Rejection
from processors.dicom.causes import CAUSES
from processors.dicom.peers_policy import PeersPolicy
from processors.peers import Peers

CT, MR, FIND = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.2.2.1"
ECHO = "1.2.840.10008.1.1"
IMPLICIT, EXPLICIT, RLE = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5"

FILE = """
receiver: {{unknown_callers: {unknown}, called_ae_titles: [SLUICE]}}
peers:
  ct1:
    sends:
      ae_titles: [CT1, CT1B]
      addresses: [10.1.0.0/16]
      sop_classes: [CTImageStorage]
      transfer_syntaxes: [ExplicitVRLittleEndian, RLELossless]
      limits: {{associations: 2}}
      project: lung
  mr1:
    sends: {{ae_titles: MR1, tls: {{names: [mr1.hospital], sha256: {digest}}}}}
"""
DIGEST = "ab" * 32


def policy(unknown: str = "reject") -> PeersPolicy:
    peers = Peers.parse(FILE.format(unknown=unknown, digest=DIGEST), "peers.yaml")
    return PeersPolicy(lambda: peers)


def shown(*names: str, sha256: str = DIGEST) -> ClientCertificate:
    return ClientCertificate(names, sha256, 4e9)


OTHER = shown("mr1.hospital", sha256="cd" * 32)


def admitted(answer: Admission | Rejection) -> Admission:
    assert isinstance(answer, Admission), answer
    return answer


@pytest.mark.parametrize(
    ("caller", "cause", "said"),
    [
        (Caller("CT1", "OTHER", "10.1.0.7"), "wrong-called-ae", (1, 1, 7)),
        (Caller("CT9", "SLUICE", "10.1.0.7"), "unknown-caller", (1, 1, 3)),
        (Caller("CT1", "SLUICE", "10.2.0.7"), "wrong-address", (1, 1, 3)),
        (Caller("MR1", "SLUICE", "10.2.0.7"), "not-encrypted", (1, 1, 3)),
        (Caller("MR1", "SLUICE", "10.2.0.7", True, shown("ct1.hospital")), "wrong-certificate", (1, 1, 3)),
        (
            Caller("MR1", "SLUICE", "10.2.0.7", True, OTHER),
            "wrong-certificate",
            (1, 1, 3),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_whom_the_file_does_not_allow_is_rejected_with_the_cause(
    caller: Caller, cause: str, said: tuple[int, int, int]
) -> None:
    answer = policy().admit(caller)
    assert isinstance(answer, Rejection)
    assert (answer.cause, (answer.result, answer.source, answer.diagnostic)) == (cause, said)
    assert answer.cause in CAUSES


@pytest.mark.parametrize("title", ["CT1", "CT1B"])
def test_a_peer_is_known_by_any_of_its_ae_titles(title: str) -> None:
    answer = admitted(policy().admit(Caller(title, "SLUICE", "10.1.0.7")))
    assert (answer.peer, answer.project, answer.hold) == ("ct1", "lung", None)


def test_an_address_of_version_4_may_come_as_one_of_version_6() -> None:
    assert admitted(policy().admit(Caller("CT1", "SLUICE", "::ffff:10.1.0.7"))).peer == "ct1"


def test_the_certificate_of_a_peer_lets_it_in_whatever_the_case_of_its_name() -> None:
    assert admitted(policy().admit(Caller("MR1", "SLUICE", "10.9.9.9", True, shown("MR1.Hospital")))).peer == "mr1"


def test_an_unknown_caller_is_kept_waiting_in_quarantine() -> None:
    answer = admitted(policy("quarantine").admit(Caller("CT9", "SLUICE", "10.1.0.7")))
    assert (answer.peer, answer.hold) == (None, "unknown-caller")


def test_an_unknown_caller_may_be_accepted() -> None:
    answer = admitted(policy("accept").admit(Caller("CT9", "SLUICE", "10.1.0.7")))
    assert (answer.peer, answer.hold) == (None, None)


def test_a_peer_in_the_file_is_never_an_unknown_caller() -> None:
    """Who uses a peer's AE title from elsewhere would otherwise get in as a stranger."""
    assert isinstance(policy("accept").admit(Caller("CT1", "SLUICE", "10.2.0.7")), Rejection)


def test_one_association_too_many_is_rejected_for_the_moment_until_another_ends() -> None:
    one = policy()
    first = admitted(one.admit(Caller("CT1", "SLUICE", "10.1.0.7")))
    admitted(one.admit(Caller("CT1B", "SLUICE", "10.1.0.8")))
    third = one.admit(Caller("CT1", "SLUICE", "10.1.0.7"))
    assert isinstance(third, Rejection)
    assert (third.cause, third.result, third.source, third.diagnostic) == ("too-many-associations", 2, 3, 2)
    first.close()
    first.close()
    admitted(one.admit(Caller("CT1", "SLUICE", "10.1.0.7")))
    assert isinstance(one.admit(Caller("CT1", "SLUICE", "10.1.0.7")), Rejection)


@pytest.mark.parametrize(
    ("abstract_syntax", "proposed", "answer"),
    [
        (CT, [RLE, EXPLICIT], (0, RLE)),
        (CT, [IMPLICIT, EXPLICIT], (0, EXPLICIT)),
        (CT, [IMPLICIT], (4, IMPLICIT)),
        (MR, [EXPLICIT], (3, EXPLICIT)),
        (FIND, [EXPLICIT], (3, EXPLICIT)),
        (ECHO, [IMPLICIT], (0, IMPLICIT)),
    ],
)
def test_contexts_are_answered_as_the_peer_may_send(
    abstract_syntax: str, proposed: list[str], answer: tuple[int, str]
) -> None:
    given = admitted(policy().admit(Caller("CT1", "SLUICE", "10.1.0.7"))).context(abstract_syntax, proposed)
    assert (given.result, given.transfer_syntax) == answer


@pytest.mark.parametrize(
    ("contexts", "told"),
    [
        ([(CT, [EXPLICIT])], []),
        ([(CT, [IMPLICIT]), (CT, [EXPLICIT])], []),
        ([(CT, [EXPLICIT]), (FIND, [EXPLICIT])], []),
        ([(CT, [EXPLICIT]), (MR, [EXPLICIT])], [("some-contexts-refused", "MRImageStorage")]),
        ([(MR, [EXPLICIT])], [("no-sop-class", "MRImageStorage")]),
        ([(CT, [IMPLICIT])], [("no-transfer-syntax", "ImplicitVRLittleEndian")]),
        ([("DOE^JANE", [EXPLICIT])], [("no-sop-class", "no UID")]),
    ],
    ids=str,
)
def test_what_was_refused_is_told_by_name(contexts: list[tuple[str, list[str]]], told: list[tuple[str, str]]) -> None:
    """A sender that proposes each transfer syntax in a context of its own misses nothing if one is accepted."""
    answer = admitted(policy().admit(Caller("CT1", "SLUICE", "10.1.0.7")))
    for abstract_syntax, proposed in contexts:
        answer.context(abstract_syntax, proposed)
    assert answer.refused_contexts() == told


def test_without_a_peers_file_everybody_may_send_everything() -> None:
    answer = admitted(Everybody().admit(Caller("ANY", "THING", "192.0.2.1")))
    assert (answer.peer, answer.hold, answer.context(MR, [RLE]).result) == (None, None, 0)
