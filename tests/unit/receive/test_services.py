"""DIMSE-N requests, by pynetdicom as SCU, with both engines (PS3.7 section 10)."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless
from pynetdicom import AE, build_context, evt
from pynetdicom.dsutils import decode

from processors.dicom import services
from processors.dicom.fast import gathering
from processors.dicom.fast.engine import FastEngine
from processors.dicom.pynetdicom_engine import PynetdicomEngine
from processors.dicom.services import Operation, ServiceAnswer
from tests.unit.receive.raw_peer import Remembers, command, pdu, pdv, request
from tests.waiting import wait_for

SERVED_CLASS, OTHER_CLASS = "1.2.840.10008.3.1.2.3.3", "1.2.840.10008.1.20.1"
HOST = "127.0.0.1"


class Serving:
    """An engine that serves one class, and the receiver that it tells."""

    def __init__(self, engine: str) -> None:
        self.receiver = Remembers()
        self.engine = FastEngine(HOST, 0) if engine == "fast" else PynetdicomEngine(HOST, 0, "SLUICE")
        _, self.port = self.engine.start(self.receiver)  # type: ignore[arg-type]

    @contextmanager
    def asked(self, *syntaxes: str, sop_class: str = SERVED_CLASS) -> Iterator[Any]:
        entity = AE("CT1")
        entity.add_requested_context(sop_class, list(syntaxes) or [ImplicitVRLittleEndian])
        association = entity.associate(HOST, self.port)
        yield association
        if association.is_established:
            association.release()


@pytest.fixture(params=["fast", "reference"])
def serving(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serving]:
    monkeypatch.setitem(services.SERVED, SERVED_CLASS, frozenset({Operation.N_CREATE, Operation.N_SET}))
    monkeypatch.setitem(services.SERVED, OTHER_CLASS, frozenset({Operation.N_ACTION}))
    one = Serving(request.param)
    yield one
    one.engine.stop(0)


def step(**values: str) -> Dataset:
    data_set = Dataset()
    for keyword, value in values.items():
        setattr(data_set, keyword, value)
    return data_set


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_request_comes_with_its_whole_data_set_and_its_encoding(serving: Serving, syntax: str) -> None:
    sent = step(PerformedProcedureStepID="P1", PerformedProcedureStepDescription="x" * 1024 * 40)
    with serving.asked(syntax) as association:
        status, _ = association.send_n_create(sent, SERVED_CLASS, "1.2.3")
    assert status.Status == 0
    [asked] = serving.receiver.requests
    assert (asked.operation, asked.sop_class_uid, asked.sop_instance_uid, asked.type_id) == (
        Operation.N_CREATE,
        SERVED_CLASS,
        "1.2.3",
        0,
    )
    assert asked.transfer_syntax_uid == syntax
    assert decoded(asked) == sent


def decoded(request: services.ServiceRequest) -> Dataset:
    syntax = request.transfer_syntax_uid
    found: Dataset = decode(BytesIO(request.data_set), syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian)
    return found


def test_the_answer_is_the_service_s(serving: Serving) -> None:
    serving.receiver.answer = ServiceAnswer(services.NO_SUCH_INSTANCE)
    with serving.asked() as association:
        status, _ = association.send_n_set(step(PerformedProcedureStepStatus="COMPLETED"), SERVED_CLASS, "1.2.3")
    assert status.Status == services.NO_SUCH_INSTANCE
    assert [one.operation for one in serving.receiver.requests] == [Operation.N_SET]


def test_an_action_has_its_type(serving: Serving) -> None:
    with serving.asked(sop_class=OTHER_CLASS) as association:
        status, _ = association.send_n_action(step(TransactionUID="1.2.9"), 1, OTHER_CLASS, "1.2.840.10008.1.20.1.1")
    assert status.Status == 0
    [asked] = serving.receiver.requests
    assert (asked.operation, asked.type_id) == (Operation.N_ACTION, 1)
    assert asked.sop_instance_uid == "1.2.840.10008.1.20.1.1"


def test_what_was_made_without_a_name_is_named_in_the_answer(serving: Serving) -> None:
    """PS3.7 10.1.5.1.4."""
    named: list[Any] = []
    serving.receiver.answer = ServiceAnswer(sop_instance_uid="1.2.777")
    with serving.asked() as association:
        association.bind(evt.EVT_DIMSE_RECV, lambda event: named.append(event.message.command_set))
        status, _ = association.send_n_create(step(PerformedProcedureStepID="P1"), SERVED_CLASS, None)
    assert status.Status == 0
    assert [one.AffectedSOPInstanceUID for one in named] == ["1.2.777"]
    assert serving.receiver.requests[0].sop_instance_uid == ""


def test_an_operation_that_the_class_does_not_serve_is_not_passed_on(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(services.SERVED, SERVED_CLASS, frozenset({Operation.N_CREATE}))
    with serving.asked() as association:
        status, _ = association.send_n_set(step(PerformedProcedureStepStatus="COMPLETED"), SERVED_CLASS, "1.2.3")
    assert status.Status == services.UNRECOGNIZED_OPERATION
    assert serving.receiver.requests == []


def test_a_data_set_beyond_the_bound_is_refused_and_the_association_goes_on(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "MAXIMUM_DATA_SET_BYTES", 5000)
    monkeypatch.setattr("processors.dicom.pynetdicom_engine.MAXIMUM_DATA_SET_BYTES", 5000)
    with serving.asked() as association:
        long, _ = association.send_n_create(step(TextValue="x" * 6000), SERVED_CLASS, "1.2.3")
        short, _ = association.send_n_create(step(PerformedProcedureStepID="P1"), SERVED_CLASS, "1.2.3")
    assert (long.Status, short.Status) == (services.RESOURCE_LIMITATION, 0)
    assert len(serving.receiver.requests) == 1


def test_a_context_of_pixels_or_of_a_class_that_is_not_served_is_not_accepted(serving: Serving) -> None:
    with serving.asked(JPEGLSLossless) as association:
        assert not association.is_established
    with serving.asked(sop_class="1.2.840.10008.5.1.1.1") as association:
        assert not association.is_established
    assert serving.receiver.requests == []


def test_an_association_that_goes_away_in_the_middle_of_a_request_asks_nothing(serving: Serving) -> None:
    with socket.create_connection((HOST, serving.port), timeout=60) as connection:
        connection.sendall(request([build_context(SERVED_CLASS)]))
        assert connection.recv(65536)[0] == 2
        connection.sendall(pdu(4, pdv(1, 3, command(Operation.N_CREATE, data=True, sop_class=SERVED_CLASS))))
        connection.sendall(pdu(4, pdv(1, 0, b"half")))
    wait_for(lambda: serving.receiver.endings)
    assert serving.receiver.requests == []
