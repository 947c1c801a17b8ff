"""A service that is killed loses nothing that it signed for, and keeps nothing that it did not."""

import hashlib
import socket
import threading

import pytest

from handoff.handoffs.states import State
from tests.integration.handoff.packages import Package
from tests.integration.handoff.running import CODE, RunningHandoff, annotated_study, batch_of, hand_off, running, starts
from tests.waiting import wait_for

pytestmark = pytest.mark.faults


def half_upload(service: RunningHandoff, package: Package) -> socket.socket:
    """Send the head and half of the body, and keep the connection open."""
    body = package.body()
    token = (service.home / "research" / "token").read_text().strip()
    head = (
        f"PUT /v1/shipments/{package.id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Sluice-SHA256: {hashlib.sha256(body).hexdigest()}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    sent = socket.create_connection(("127.0.0.1", service.ready["port"]))
    sent.sendall(head.encode() + body[: len(body) // 2])
    return sent


def test_a_service_killed_in_an_upload_stores_nothing_and_takes_the_repeat_once(tmp_path):
    service = RunningHandoff(tmp_path).start()
    package = Package.of(4, size=1 << 20)
    connection = half_upload(service, package)
    wait_for(lambda: any(file.suffix == ".part" and file.stat().st_size > 0 for file in service.stored()))
    service.kill()
    connection.close()
    service.start()
    assert service.stored() == []
    assert list(service.client.shipments()) == []
    answers = [service.put(f"/v1/shipments/{package.id}", package.body()) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert service.stop() == 0


def test_a_receipt_outlives_a_kill(tmp_path):
    service = RunningHandoff(tmp_path).start()
    package = Package.of(2)
    first = service.put(f"/v1/shipments/{package.id}", package.body())
    service.kill()
    service.start()
    again = service.put(f"/v1/shipments/{package.id}", package.body())
    assert (again.status_code, again.content == first.content) == (200, True)
    assert service.stop() == 0


def test_a_sender_that_goes_away_leaves_no_part(tmp_path):
    with running(tmp_path) as service:
        connection = half_upload(service, Package.of(4, size=1 << 20))
        wait_for(lambda: len(service.stored()) == 1)
        connection.close()
        wait_for(lambda: service.stored() == [])


def test_one_shipment_sent_many_times_at_once_is_stored_once(tmp_path):
    with running(tmp_path) as service:
        package = Package.of(3, size=1 << 18)
        body = package.body()
        answers = []
        threads = [
            threading.Thread(target=lambda: answers.append(service.put(f"/v1/shipments/{package.id}", body)))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
        assert len({answer.content for answer in answers}) == 1
        assert len(service.stored()) == 1


def test_a_killed_service_takes_its_worker_along_and_the_run_is_found_again(tmp_path, toy_yaml):
    service = RunningHandoff(tmp_path, worker=True).start()
    service.client.register_pipeline("toy", toy_yaml, CODE)
    annotated_study(service)
    view = hand_off(service, batch_of(service), seconds=3.0)
    wait_for(lambda: starts(service, view) == 1)
    service.kill()
    service.start()
    ended = service.client.wait(view.id, 240)
    assert (ended.state, starts(service, view)) == (State.SUCCEEDED, 1)
    assert service.stop() == 0
