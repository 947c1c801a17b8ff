"""How a service ends: what is on its way may arrive, or is refused with nothing kept."""

import http.client
import signal
import threading
import time

import pytest

from tests.integration.handoff.packages import Package
from tests.integration.handoff.running import RunningHandoff, running
from tests.waiting import wait_for

pytestmark = pytest.mark.integration


class Uploading:
    """A sender that has sent half of a package."""

    def __init__(self, service: RunningHandoff) -> None:
        import hashlib

        self.package = Package.of(1, size=6 << 20)
        self.body = self.package.body()
        token = (service.home / "research" / "token").read_text().strip()
        self.connection = http.client.HTTPConnection("127.0.0.1", service.ready["port"], timeout=30)
        self.connection.putrequest("PUT", f"/v1/shipments/{self.package.id}")
        for name, value in {
            "Authorization": f"Bearer {token}",
            "Sluice-SHA256": hashlib.sha256(self.body).hexdigest(),
            "Content-Length": str(len(self.body)),
        }.items():
            self.connection.putheader(name, value)
        self.connection.endheaders(self.body[: len(self.body) // 2])
        wait_for(lambda: any(part.stat().st_size for part in parts(service)))

    def finish(self) -> http.client.HTTPResponse:
        self.connection.send(self.body[len(self.body) // 2 :])
        return self.connection.getresponse()


def parts(service: RunningHandoff) -> list:
    return list((service.home / "research" / "store" / "incoming").glob("*.part"))


def test_an_upload_that_is_on_its_way_when_the_service_is_told_to_end_gets_its_receipt(tmp_path):
    with running(tmp_path) as service:
        upload = Uploading(service)
        service.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        answer = upload.finish()
        assert (answer.status, answer.read()[:12]) == (201, b'{"receipt":{')
        assert service.process.wait(timeout=20) == 0
    assert len(list((tmp_path / "research" / "store" / "packages").rglob("*.zip"))) == 1


def test_an_upload_that_takes_too_long_is_refused_and_nothing_of_it_stays(tmp_path):
    with running(tmp_path, settings={"stop_seconds": 0.2}) as service:
        upload = Uploading(service)
        service.process.send_signal(signal.SIGTERM)
        time.sleep(0.6)
        upload.connection.send(upload.body[len(upload.body) // 2 : len(upload.body) // 2 + 200_000])
        answer = upload.connection.getresponse()
        assert (answer.status, b'"code":"stopping"' in answer.read()) == (503, True)
        assert service.process.wait(timeout=20) == 0
        assert parts(service) == []
        assert service.stored() == []


def test_a_silent_upload_does_not_keep_the_service_from_ending(tmp_path):
    with running(tmp_path, settings={"stop_seconds": 0.1}) as service:
        Uploading(service)
        began = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(timeout=30) == 0
        assert time.monotonic() - began < 25
        assert parts(service) == []


def test_a_service_that_was_told_to_end_says_that_it_is_not_ready(tmp_path):
    with running(tmp_path, settings={"stop_seconds": 10}) as service:
        upload = Uploading(service)
        asking = http.client.HTTPConnection("127.0.0.1", service.ready["port"], timeout=10)
        asking.connect()
        threading.Timer(0.0, service.process.send_signal, [signal.SIGTERM]).start()
        time.sleep(0.3)
        try:
            asking.request("GET", "/readyz")
            assert asking.getresponse().status == 503
        except (http.client.RemoteDisconnected, ConnectionError):
            pass  # as good: it takes no more requests
        assert upload.finish().status == 201
