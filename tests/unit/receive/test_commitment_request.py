"""N-ACTIONs as they come: what is taken, what is durable before the answer, and what is refused (PS3.4 J.3.2)."""

from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from processors.dicom import services
from processors.dicom.commitment.service import CommitmentService
from processors.dicom.services import Operation, ServiceRequest
from processors.landing.commitments import CommitmentRequest
from processors.landing.journal import AssociationFacts
from processors.ledger import commitments
from processors.ledger.schema import connect
from tests.unit.receive.landing_desk import Desk

CT, WELL_KNOWN = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.20.1.1"
SYNTAXES = ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"]


def data_set(transaction: str | None = "1.2.9", *instances: str, sop_class: str = CT) -> Dataset:
    asked = Dataset()
    if transaction is not None:
        asked.TransactionUID = transaction
    asked.ReferencedSOPSequence = [Dataset() for _ in instances]
    for item, uid in zip(asked.ReferencedSOPSequence, instances, strict=True):
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, uid
    return asked


def encoded(asked: Dataset, syntax: str = SYNTAXES[0]) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_implicit_VR, buffer.is_little_endian = syntax == SYNTAXES[0], syntax != SYNTAXES[2]
    write_dataset(buffer, asked)
    return buffer.getvalue()


def action(content: bytes, syntax: str = SYNTAXES[0], instance: str = WELL_KNOWN, kind: int = 1) -> ServiceRequest:
    return ServiceRequest(Operation.N_ACTION, services.STORAGE_COMMITMENT, instance, kind, syntax, content)


class Counter:
    """A service on a landing, and how often it said that there is something to do."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.taken = 0
        self.has_room = True
        self.faults: list[str] = []
        ledger = connect(desk.ledger_file, check_same_thread=False)
        self.service = CommitmentService(
            desk.layout,
            ledger,
            has_room=lambda _: self.has_room,
            taken=self._count,
            report=lambda event, _: self.faults.append(event),
            clock=lambda: desk.now,
        )

    def _count(self) -> None:
        self.taken += 1

    def asks(self, request: ServiceRequest, calling: str = "CT1") -> int:
        facts = AssociationFacts(
            id="a" * 32, opened_at=1.0, calling_ae=calling, called_ae="SLUICE", peer="192.0.2.1", sender="ct1"
        )
        return self.service.serve(request, facts).status

    def kept(self) -> list[CommitmentRequest]:
        files = sorted(self.desk.layout.commitments.iterdir())
        return [one for file in files if (one := CommitmentRequest.read(file)) is not None]


@pytest.fixture
def counter(desk: Desk) -> Counter:
    return Counter(desk)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_request_is_in_landing_and_ledger_when_it_is_answered(counter: Counter, syntax: str) -> None:
    assert counter.asks(action(encoded(data_set("1.2.9", "1.1", "1.2"), syntax), syntax)) == services.SUCCESS
    [kept] = counter.kept()
    [entered] = commitments.newest(counter.desk.ledger)
    assert (kept.id, kept.transaction_uid, kept.peer) == (entered.id, "1.2.9", "ct1")
    assert (entered.state, entered.total, entered.failed) == ("requested", 2, None)
    assert [one.sop_instance_uid for one in commitments.instances(counter.desk.ledger, entered.id)] == ["1.1", "1.2"]
    assert counter.taken == 1


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (action(encoded(data_set("1.2.9", "1.1")), kind=2), services.NO_SUCH_ACTION),
        (action(encoded(data_set("1.2.9", "1.1")), instance="1.2.3"), services.NO_SUCH_INSTANCE),
        (action(encoded(data_set(None, "1.1"))), services.INVALID_ARGUMENT_VALUE),
        (action(encoded(data_set("1.2.9"))), services.INVALID_ARGUMENT_VALUE),
        (action(encoded(data_set("1.2.345", "1.1")).replace(b"1.2.345", b"../../x")), services.INVALID_ARGUMENT_VALUE),
        (action(encoded(data_set("1.2.9", "1.77")).replace(b"1.77", b"x.77")), services.INVALID_ARGUMENT_VALUE),
        (action(encoded(data_set("1.2.9", "1.1"))[:-5]), services.INVALID_ARGUMENT_VALUE),
        (action(b"\xff" * 100), services.INVALID_ARGUMENT_VALUE),
        (action(b""), services.INVALID_ARGUMENT_VALUE),
    ],
    ids=["action", "instance", "no-transaction", "no-list", "path", "no-uid", "cut", "noise", "empty"],
)
def test_what_is_no_request_is_refused_and_leaves_nothing(
    counter: Counter, request_: ServiceRequest, status: int
) -> None:
    assert counter.asks(request_) == status
    assert counter.kept() == []
    assert commitments.newest(counter.desk.ledger) == []
    assert counter.taken == 0


def test_the_same_request_once_more_is_no_second_one(counter: Counter) -> None:
    for order in (("1.1", "1.2"), ("1.2", "1.1")):
        assert counter.asks(action(encoded(data_set("1.2.9", *order)))) == services.SUCCESS
    assert len(counter.kept()) == len(commitments.newest(counter.desk.ledger)) == 1
    assert counter.taken == 2


def test_other_instances_or_another_caller_under_the_same_transaction_are_evidence_of_their_own(
    counter: Counter,
) -> None:
    counter.asks(action(encoded(data_set("1.2.9", "1.1"))))
    counter.asks(action(encoded(data_set("1.2.9", "1.2"))))
    counter.asks(action(encoded(data_set("1.2.9", "1.1"))), calling="CT2")
    assert len(counter.kept()) == 3


def test_an_instance_that_is_named_twice_counts_once(counter: Counter) -> None:
    counter.asks(action(encoded(data_set("1.2.9", "1.1", "1.1"))))
    assert [one.total for one in commitments.newest(counter.desk.ledger)] == [1]


def test_a_list_that_the_disk_does_not_take_is_not_answered_with_success(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("processors.landing.commitments.write_whole", full)
    assert counter.asks(action(encoded(data_set("1.2.9", "1.1")))) == services.PROCESSING_FAILURE
    assert commitments.newest(counter.desk.ledger) == []
    assert counter.faults == ["commitment-not-kept"]


def test_below_the_reserve_of_the_disk_no_list_is_taken(counter: Counter) -> None:
    counter.has_room = False
    assert counter.asks(action(encoded(data_set("1.2.9", "1.1")))) == services.RESOURCE_LIMITATION
    assert counter.kept() == []


def test_a_list_that_the_ledger_does_not_take_leaves_no_file(counter: Counter) -> None:
    counter.desk.ledger.execute("DROP TABLE commitment_instances")
    assert counter.asks(action(encoded(data_set("1.2.9", "1.1")))) == services.PROCESSING_FAILURE
    assert counter.kept() == []
