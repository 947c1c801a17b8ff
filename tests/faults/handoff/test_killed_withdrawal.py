"""A service that is killed while it purges goes on after its start, and its certificate says the truth."""

import time

import pytest
from sqlalchemy import delete

from handoff.database.engine import Database
from handoff.database.tables import Instance, Shipment
from tests.integration.handoff.packages import Package
from tests.integration.handoff.running import RunningHandoff
from tests.waiting import wait_for

pytestmark = pytest.mark.faults
_PACKAGES = 40


def purged(service: RunningHandoff, withdrawal: str) -> int:
    return service.client.withdrawal(withdrawal).purged.get("package", 0)


def test_a_withdrawal_whose_service_is_killed_again_and_again_is_finished(tmp_path):
    service = RunningHandoff(tmp_path).start()
    packages = [Package.of(1) for _ in range(_PACKAGES)]
    for package in packages:
        assert service.put(f"/v1/shipments/{package.id}", package.body()).status_code == 201
    stays = Package.of(1)
    service.put(f"/v1/shipments/{stays.id}", stays.body())
    asked = service.client.withdraw("lungs", [package.id for package in packages], "consent-withdrawn")
    for pause in (1.05, 1.1):  # the purge begins a second after the start
        time.sleep(pause)
        service.kill()
        service.start()
        assert service.put(f"/v1/shipments/{packages[0].id}", packages[0].body()).status_code == 410
    wait_for(lambda: service.client.withdrawal(asked.id).state == "purged")
    assert purged(service, asked.id) == _PACKAGES
    assert len(service.stored()) == 1
    said = service.client.certificate(asked.id).certificate
    assert (len(said.purged), said.remains) == (_PACKAGES, ())
    assert service.stop() == 0


def test_a_package_that_was_kept_before_a_kill_and_never_signed_for_is_swept(tmp_path):
    """Kept, noted, not recorded: what a kill between store and database leaves."""
    service = RunningHandoff(tmp_path).start()
    package = Package.of(1)
    assert service.put(f"/v1/shipments/{package.id}", package.body()).status_code == 201
    service.kill()
    _forget(service, package.id)
    service.start()
    assert service.stored() == []
    assert service.put(f"/v1/shipments/{package.id}", package.body()).status_code == 201
    assert service.stop() == 0


def _forget(service: RunningHandoff, shipment: str) -> None:
    """Take the shipment's rows away, as if its transaction had not been."""
    database = Database(f"sqlite:///{service.home / 'research' / 'handoff.db'}")
    with database.write() as session:
        session.execute(delete(Instance).where(Instance.shipment_id == shipment))
        session.execute(delete(Shipment).where(Shipment.id == shipment))
    database.close()
