"""What is committed to, and what is not, and why (PS3.4 J.3.3)."""

import hashlib
from dataclasses import replace

import pytest

from processors.dicom.commitment.judge import Verdict, judge
from processors.landing.commitments import CommitmentRequest, ReferencedInstance
from processors.landing.retention import DAY_SECONDS
from processors.ledger import commitments
from processors.ledger.commitments import Commitment
from processors.ledger.promises import promised_until
from processors.ledger.schema import transaction
from processors.senders import Sender, Sends
from tests.unit.receive.landing_desk import Desk

CT = "1.2.840.10008.5.1.4.1.1.2"
ON = Sender(name="ct1", ae_titles=("CT1",), sends=Sends.model_validate({"storage_commitment": {"keep_days": 10}}))
OFF = Sender(name="ct1", ae_titles=("CT1",), sends=Sends())


def ask(desk: Desk, *named: str, sop_class: str = CT, transaction_uid: str = "1.2.9", id_: str = "1") -> Commitment:
    request = CommitmentRequest(
        id=id_ * 32,
        transaction_uid=transaction_uid,
        association_id="a" * 32,
        calling_ae="CT1",
        called_ae="SLUICE",
        address="192.0.2.1",
        peer="ct1",
        received_at=desk.now,
        instances=tuple(ReferencedInstance(sop_class_uid=sop_class, sop_instance_uid=uid) for uid in named),
    )
    with transaction(desk.ledger) as ledger:
        commitments.add(ledger, request)
    asked = commitments.get(desk.ledger, request.id)
    assert asked is not None
    return asked


def judged(desk: Desk, asked: Commitment, sender: Sender | None = ON) -> Verdict | None:
    return judge(desk.layout, desk.ledger, asked, sender=sender, is_on_its_way=desk.known.is_on_its_way, now=desk.now)


def kept(desk: Desk, *uids: str, content: bytes = b"") -> None:
    """Store instances over one association that ends."""
    association = desk.associate()
    for uid in uids:
        desk.store(association, uid, content=content)
    association.end("released")


def failures(verdict: Verdict | None) -> list[int]:
    assert verdict is not None
    return [verdict.failures[number] for number in sorted(verdict.failures)]


def test_what_is_kept_is_committed_to_and_promised(desk: Desk) -> None:
    kept(desk, "1.1", "1.2")
    verdict = judged(desk, ask(desk, "1.1", "1.2"))
    assert failures(verdict) == []
    assert verdict is not None
    assert verdict.kept_until == desk.now + 10 * DAY_SECONDS
    [delivery] = desk.sealed
    assert promised_until(desk.ledger, delivery.id) == verdict.kept_until


@pytest.mark.parametrize("sender", [OFF, None], ids=["off", "unknown"])
def test_nothing_is_committed_to_or_promised_where_it_was_not_switched_on(desk: Desk, sender: Sender | None) -> None:
    kept(desk, "1.1")
    verdict = judged(desk, ask(desk, "1.1", "1.2"), sender)
    assert failures(verdict) == [0x0110, 0x0112]
    assert verdict is not None
    assert verdict.kept_until is None
    assert promised_until(desk.ledger, desk.sealed[0].id) is None


@pytest.mark.parametrize(
    ("sop_class", "named", "reason"),
    [
        (CT, "1.9", 0x0112),
        ("1.2.840.10008.1.3.10", "1.9", 0x0122),
        ("1.2.840.10008.5.1.4.1.1.4", "1.1", 0x0119),
    ],
    ids=["not-here", "no-storage-class", "other-class"],
)
def test_each_failure_has_its_reason(desk: Desk, sop_class: str, named: str, reason: int) -> None:
    kept(desk, "1.1")
    assert failures(judged(desk, ask(desk, named, sop_class=sop_class))) == [reason]


def test_a_file_with_another_bit_is_not_committed_to(desk: Desk) -> None:
    kept(desk, "1.1", "1.2")
    [delivery] = desk.sealed
    path = desk.layout.delivery(delivery.id) / delivery.instances[0].file
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    verdict = judged(desk, ask(desk, "1.1", "1.2"))
    assert failures(verdict) == [0x0110]
    assert verdict is not None
    assert verdict.damaged == [delivery.id]


@pytest.mark.parametrize("length", [0, 100, 150], ids=["empty", "no-head", "no-data-set"])
def test_a_file_that_was_cut_is_not_committed_to(desk: Desk, length: int) -> None:
    kept(desk, "1.1")
    [delivery] = desk.sealed
    path = desk.layout.delivery(delivery.id) / delivery.instances[0].file
    path.write_bytes(path.read_bytes()[:length])
    assert failures(judged(desk, ask(desk, "1.1"))) == [0x0110]


def test_what_retention_has_removed_is_not_here(desk: Desk) -> None:
    kept(desk, "1.1")
    [delivery] = desk.sealed
    (desk.layout.delivery(delivery.id) / delivery.instances[0].file).unlink()
    assert failures(judged(desk, ask(desk, "1.1"))) == [0x0112]


def test_what_is_on_its_way_into_the_ledger_is_waited_for(desk: Desk) -> None:
    association = desk.associate()
    desk.store(association, "1.1")
    asked = ask(desk, "1.1")
    assert judged(desk, asked) is None
    association.end("released")
    assert failures(judged(desk, asked)) == []


def test_the_version_that_this_peer_sent_last_is_the_one_that_counts(desk: Desk) -> None:
    kept(desk, "1.1", content=b"first")
    kept(desk, "1.1", content=b"second")
    asked = ask(desk, "1.1")
    older, newer = desk.sealed
    path = desk.layout.delivery(older.id) / older.instances[0].file
    path.write_bytes(path.read_bytes()[:-1])
    assert failures(judged(desk, asked)) == []
    assert newer.instances[0].digest == hashlib.sha256(b"second").hexdigest()
    path = desk.layout.delivery(newer.id) / newer.instances[0].file
    path.write_bytes(path.read_bytes()[:-1])
    assert failures(judged(desk, asked)) == [0x0110]


def test_several_versions_of_others_are_nobody_s_to_choose_from(desk: Desk) -> None:
    kept(desk, "1.1", content=b"first")
    kept(desk, "1.1", content=b"second")
    other = replace(ask(desk, "1.1"), calling_ae="WORKSTATION")
    asker = Sender(name="ws", ae_titles=("WORKSTATION",), sends=ON.sends)
    desk.ledger.execute("UPDATE commitments SET calling_ae = 'WORKSTATION'")
    assert failures(judged(desk, other, asker)) == [0x0110]


def test_what_somebody_else_sent_is_committed_to_if_there_is_but_one_version(desk: Desk) -> None:
    kept(desk, "1.1")
    other = replace(ask(desk, "1.1"), calling_ae="WORKSTATION")
    desk.ledger.execute("UPDATE commitments SET calling_ae = 'WORKSTATION'")
    asker = Sender(name="ws", ae_titles=("WORKSTATION",), sends=ON.sends)
    assert failures(judged(desk, other, asker)) == []


def test_a_transaction_that_was_used_for_others_fails_whole(desk: Desk) -> None:
    kept(desk, "1.1", "1.2")
    ask(desk, "1.1")
    assert failures(judged(desk, ask(desk, "1.1", "1.2", id_="2"))) == [0x0131, 0x0131]


def test_a_promise_is_never_shortened(desk: Desk) -> None:
    kept(desk, "1.1")
    judged(desk, ask(desk, "1.1"))
    shorter = Sends.model_validate({"storage_commitment": {"keep_days": 1}})
    judged(desk, ask(desk, "1.1", transaction_uid="1.2.10", id_="2"), ON.model_copy(update={"sends": shorter}))
    assert promised_until(desk.ledger, desk.sealed[0].id) == desk.now + 10 * DAY_SECONDS
