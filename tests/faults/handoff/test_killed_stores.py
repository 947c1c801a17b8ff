"""A database or a store that is killed while shipments come: nothing acknowledged is lost, repeats succeed."""

import threading

import httpx
import pytest

from handoff.contract.receipt import SignedReceipt
from tests.integration.handoff.backings import migrated, with_bucket, with_database
from tests.integration.handoff.packages import Package
from tests.integration.handoff.running import RunningHandoff, running
from tests.peers.postgresql import Postgresql
from tests.peers.versitygw import Versitygw
from tests.waiting import wait_for

pytestmark = pytest.mark.faults
RETRIED = {500, 502, 503, 504, 507}
"""What NiFi sends again."""


@pytest.fixture
def postgresql(tmp_path):
    server = Postgresql(tmp_path / "postgresql", durable=True).start()
    yield server
    server.stop()


@pytest.fixture
def gateway(tmp_path):
    (tmp_path / "s3").mkdir()
    server = Versitygw(tmp_path / "s3").start()
    yield server
    server.stop()


class Sender:
    """Sends packages one after another until it is told to stop, and remembers what was acknowledged."""

    def __init__(self, service: RunningHandoff, size: int) -> None:
        self.receipts: dict[str, bytes] = {}
        self.failed: list[Package] = []
        self.statuses: set[int] = set()
        self._service = service
        self._size = size
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(3)]
        [thread.start() for thread in self._threads]

    def _send(self) -> None:
        while not self._stop.is_set():
            package = Package.of(2, size=self._size)
            if not self.send(package):
                self.failed.append(package)

    def send(self, package: Package) -> bool:
        answer = self._service.put(f"/v1/shipments/{package.id}", package.body())
        self.statuses.add(answer.status_code)
        if answer.is_success:
            self.receipts[package.id] = answer.content
        return answer.is_success

    def stop(self) -> None:
        self._stop.set()
        [thread.join() for thread in self._threads]


def check_all(service: RunningHandoff, sender: Sender) -> None:
    """Every receipt stands for a row and for exactly those bytes in the store; every failure succeeds when repeated."""
    assert sender.statuses & RETRIED
    assert sender.statuses <= RETRIED | {200, 201}
    assert all(sender.send(package) for package in sender.failed)
    rows = {shipment.id: shipment for shipment in service.client.shipments()}
    assert sender.receipts.keys() <= rows.keys()
    sizes = {path.name: path for path in service.stored()}
    for identifier, content in sender.receipts.items():
        receipt = SignedReceipt.model_validate_json(content).receipt
        assert rows[identifier].sha256 == receipt.sha256
        assert f"{receipt.sha256}.zip" in sizes


def readiness(service: RunningHandoff) -> dict:
    return httpx.get(f"{service.url}/readyz", timeout=60, trust_env=False).json()


def test_postgresql_killed_among_shipments_loses_nothing_and_is_found_again(tmp_path, postgresql):
    settings = with_database(postgresql, migrated(postgresql))
    with running(tmp_path / "home", settings=settings) as service:
        sender = Sender(service, size=64 << 10)
        wait_for(lambda: len(sender.receipts) >= 10, 60)
        postgresql.kill()
        wait_for(lambda: len(sender.failed) >= 3, 60)
        assert readiness(service)["database"] == "failed"
        postgresql.start()
        after = len(sender.receipts)
        wait_for(lambda: len(sender.receipts) >= after + 5, 60)
        sender.stop()
        assert readiness(service)["ok"]
        check_all(service, sender)
        assert postgresql.password not in (service.home / "service.log").read_text()


def test_s3_killed_in_the_middle_of_uploads_loses_nothing_and_is_found_again(tmp_path, gateway):
    with running(tmp_path / "home", settings=with_bucket(gateway)) as service:
        sender = Sender(service, size=5 << 20)  # two parts each, so that a kill meets some half sent
        wait_for(lambda: len(sender.receipts) >= 3, 60)
        gateway.kill()
        assert readiness(service)["store"] == "failed"
        wait_for(lambda: len(sender.failed) >= 3, 90)
        gateway.start()
        after = len(sender.receipts)
        wait_for(lambda: len(sender.receipts) >= after + 2, 90)
        sender.stop()
        assert readiness(service)["ok"]
        check_all(service, sender)
        wait_for(lambda: list((service.home / "research/store/incoming").iterdir()) == [])
        assert gateway.secret_key not in (service.home / "service.log").read_text()
