"""What is told of an association as it ends, and what its limits do to its objects."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from processors.dicom.admission import VERIFICATION, Admission, ClientCertificate
from processors.dicom.admitted import AdmittedAssociation
from processors.dicom.allowance import Allowance
from processors.dicom.engine import StoreCommand
from processors.dicom.event_log import EventLog
from processors.dicom.metrics import ReceiverMetrics
from processors.dicom.storage_scp import StorageAssociation
from processors.ledger.associations import Ending
from tests.unit.receive.landing_desk import Desk
from tests.unit.receive.test_durability import element

CT, RLE = str(CTImageStorage), "1.2.840.10008.1.2.5"
WHOLE = element(8, 0x16, CT) + element(8, 0x18, "1.2.3")
"""The data set of an object that is kept."""


@dataclass
class Seat:
    """An admitted association, and all that it told and waited."""

    desk: Desk
    admission: Admission
    stopping: bool = False
    told: list[tuple[str, str]] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        metrics = ReceiverMetrics(self.desk.ledger_file, lambda: 1 << 40, lambda: self.desk.now)
        self.association = self.desk.associate()
        storage = StorageAssociation(self.association, lambda _: True, EventLog(io.StringIO()), metrics)
        self.admitted = AdmittedAssociation(
            storage,
            self.association,
            self.admission,
            metrics=metrics,
            tell=lambda cause, detail: self.told.append((cause, detail)),
            is_stopping=lambda: self.stopping,
            services={},
            log=EventLog(io.StringIO()),
            wait=self.waited.append,
        )

    def send(self, content: bytes = b"no data set") -> int:
        """The status of one object; this content is refused as unreadable."""
        reception = self.admitted.begin(StoreCommand(CT, "1.2.3", str(ExplicitVRLittleEndian)))
        reception.write(content)
        return reception.finish()


def seat_of(desk: Desk, **terms: object) -> Seat:
    return Seat(desk, Admission(**terms))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ending", "told"), [("aborted", ["aborted"]), ("lost", ["lost"]), ("released", ["no-objects"])]
)
def test_an_association_that_brought_nothing_is_told_by_its_end(desk: Desk, ending: Ending, told: list[str]) -> None:
    seat = seat_of(desk)
    seat.admitted.ended(ending)
    assert [cause for cause, _ in seat.told] == told


def test_an_association_that_stored_and_released_is_not_told(desk: Desk) -> None:
    seat = seat_of(desk)
    desk.store(seat.association)
    seat.admitted.ended("released")
    assert seat.told == []


def test_an_association_that_could_be_a_test_by_echo_is_not_told(desk: Desk) -> None:
    seat = seat_of(desk)
    seat.admission.context(VERIFICATION, ["1.2.840.10008.1.2"])
    seat.admitted.ended("released")
    assert seat.told == []


def test_what_we_abort_as_we_stop_is_not_laid_at_the_senders_door(desk: Desk) -> None:
    seat = seat_of(desk)
    seat.stopping = True
    seat.admitted.ended("aborted")
    assert seat.told == []


def test_the_cause_that_an_engine_names_stands_for_the_end(desk: Desk) -> None:
    seat = seat_of(desk)
    seat.admitted.troubled("pdu-too-long", "400000")
    seat.admitted.troubled("pdu-too-long", "400000")
    seat.admitted.ended("aborted")
    assert seat.told == [("pdu-too-long", "400000")]


def test_refused_objects_are_told_by_status_and_number(desk: Desk) -> None:
    seat = seat_of(desk)
    assert [seat.send() for _ in range(2)] == [0xC000, 0xC000]
    seat.admitted.ended("released")
    [(cause, detail)] = seat.told
    assert cause == "objects-refused"
    assert detail.startswith("C000 ")
    assert detail.endswith(" x 2")


def test_refused_contexts_are_told_and_a_lost_connection_besides(desk: Desk) -> None:
    admission = Admission(sop_classes=frozenset({CT}))
    admission.context(CT, [RLE])
    admission.context("1.2.840.10008.5.1.4.1.1.4", [RLE])
    seat = Seat(desk, admission)
    seat.admitted.ended("lost")
    assert seat.told == [("some-contexts-refused", "MRImageStorage"), ("lost", "")]


def test_a_certificate_that_ends_soon_is_told(desk: Desk) -> None:
    seat = seat_of(desk, certificate=ClientCertificate(("ct1",), "ab" * 32, 0.0))
    assert [cause for cause, _ in seat.told] == ["peer-certificate-expires"]


def test_an_answer_waits_for_the_pace_and_is_the_same(desk: Desk) -> None:
    seat = seat_of(desk, allowance=Allowance(objects_per_second=2, clock=lambda: desk.now))
    assert [seat.send(), seat.send()] == [0xC000, 0xC000]
    assert seat.waited == [0.5]


def test_beyond_its_day_a_peer_is_refused_and_told_once(desk: Desk) -> None:
    seat = seat_of(desk, allowance=Allowance(bytes_per_day=10, clock=lambda: desk.now))
    assert [seat.send(WHOLE), seat.send(WHOLE), seat.send()] == [0, 0xA700, 0xA700]
    assert seat.told == [("day-used-up", "10")]
    assert [(reason, count) for (_, reason), count in seat.association.refusals.by_cause().items()] == [
        ("day-used-up", 2)
    ]


def test_what_was_refused_is_not_counted_for_the_day(desk: Desk) -> None:
    """Its sender has it yet, and will send it again."""
    seat = seat_of(desk, allowance=Allowance(bytes_per_day=10, clock=lambda: desk.now))
    assert [seat.send(bytes(11)), seat.send(bytes(11)), seat.send(WHOLE)] == [0xC000, 0xC000, 0]


def test_the_place_is_given_back_whatever_the_end_raises(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[bool] = []
    seat = seat_of(desk, given_back=lambda: given.append(True))
    monkeypatch.setattr(seat.association, "end", _raise)
    with pytest.raises(OSError, match="disk"):
        seat.admitted.ended("released")
    assert given == [True]


def _raise(*_: object) -> Callable[[], None]:
    raise OSError("disk")
