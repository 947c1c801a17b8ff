"""A row that has to wait waits longer each time, also when its target fails before anything is sent."""

import socket

import pytest

from handoff.database.tables import OutboxRow
from handoff.errors import StartError
from handoff.handoffs.outbox import postpone
from handoff.serve import listen
from handoff.service import Service
from handoff.settings import Settings
from tests.unit.handoff.rows import add_handoff, add_surroundings

ID = "a" * 32


@pytest.fixture
def service(tmp_path):
    service = Service.open(Settings.load(tmp_path))
    with service.database.write() as session:
        add_surroundings(session)
        add_handoff(session, id=ID, key="k", state="VALIDATING")
        session.add(OutboxRow(handoff_id=ID, target="local", due_at=0.0, attempts=0))
    yield service
    service.database.close()


def test_a_target_whose_disk_is_full_is_asked_less_and_less_often(service):
    pauses = []
    for _ in range(8):
        with service.database.write() as session:
            row = session.query(OutboxRow).one()
            postpone(row, 0.0)
            pauses.append(row.due_at)
    assert pauses[0] <= 2
    assert 30 <= pauses[-1] <= 60


def test_of_two_services_that_start_at_once_only_one_gets_the_port():
    first = listen("127.0.0.1", 0)
    try:
        assert first.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        with pytest.raises(StartError, match="cannot be listened on"):
            listen("127.0.0.1", first.getsockname()[1])
    finally:
        first.close()
