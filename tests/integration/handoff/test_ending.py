"""How a service ends: what is on its way may arrive, or is refused with nothing kept."""

import contextlib
import hashlib
import http.client
import signal
import socket
import time
from typing import Self

import pytest

from tests.integration.handoff.packages import Package
from tests.integration.handoff.running import RunningHandoff, running
from tests.waiting import wait_for

pytestmark = pytest.mark.integration


class Uploading:
    """A sender that has sent half of a package."""

    def __init__(self, service: RunningHandoff) -> None:
        self.package = Package.of(1, size=6 << 20)
        self.body = self.package.body()
        token = (service.home / "research" / "token").read_text().strip()
        self.connection = http.client.HTTPConnection("127.0.0.1", service.ready["port"], timeout=120)
        self.connection.putrequest("PUT", f"/v1/shipments/{self.package.id}")
        for name, value in {
            "Authorization": f"Bearer {token}",
            "Sluice-SHA256": hashlib.sha256(self.body).hexdigest(),
            "Content-Length": str(len(self.body)),
        }.items():
            self.connection.putheader(name, value)
        self.connection.endheaders(self.body[: len(self.body) // 2])
        wait_for(lambda: any(part.stat().st_size for part in parts(service)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def finish(self) -> http.client.HTTPResponse:
        self.connection.send(self.body[len(self.body) // 2 :])
        return self.connection.getresponse()


def parts(service: RunningHandoff) -> list:
    return list((service.home / "research" / "store" / "incoming").glob("*.part"))


def test_an_upload_that_is_on_its_way_when_the_service_is_told_to_end_gets_its_receipt(tmp_path):
    with running(tmp_path) as service, Uploading(service) as upload:
        tell_to_end(service)
        answer = upload.finish()
        assert (answer.status, answer.read()[:11]) == (201, b'{"receipt":')
        assert service.stop() == 0
    assert len(list((tmp_path / "research" / "store" / "packages").rglob("*.zip"))) == 1


def test_an_upload_that_takes_too_long_is_refused_and_nothing_of_it_stays(tmp_path):
    with running(tmp_path, settings={"stop_seconds": 0.2}) as service, Uploading(service) as upload:
        tell_to_end(service)
        time.sleep(0.3)  # its patience is over, for it has begun by now
        upload.connection.send(upload.body[len(upload.body) // 2 :][:1000])
        answer = upload.connection.getresponse()
        assert (answer.status, b'"code":"stopping"' in answer.read()) == (503, True)
        assert service.stop() == 0
        assert service.stored() == []


def test_a_silent_upload_does_not_keep_the_service_from_ending(tmp_path):
    with running(tmp_path, settings={"stop_seconds": 0}) as service, Uploading(service):
        assert service.stop() == 0
        assert service.stored() == []


def test_a_service_that_was_told_to_end_takes_no_more_requests(tmp_path):
    with running(tmp_path) as service, Uploading(service) as upload:
        asking = http.client.HTTPConnection("127.0.0.1", service.ready["port"], timeout=120)
        with contextlib.closing(asking):
            asking.connect()
            tell_to_end(service)
            with contextlib.suppress(ConnectionError):
                asking.request("GET", "/readyz")
                assert asking.getresponse().status == 503
        assert upload.finish().status == 201
        assert service.stop() == 0


def tell_to_end(service: RunningHandoff) -> None:
    """And wait until it has heard."""
    service.process.send_signal(signal.SIGTERM)
    wait_for(lambda: not accepts(service))


def accepts(service: RunningHandoff) -> bool:
    try:
        socket.create_connection(("127.0.0.1", service.ready["port"]), timeout=60).close()
    except OSError:
        return False
    return True
