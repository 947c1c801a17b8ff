"""A batch says nothing of when anything came: who knew that would know by how many days dates were moved."""

import shutil
import time

from handoff.batches.croissant import croissant
from handoff.contract.canonical import canonical_json
from handoff.database.tables import Batch
from handoff.store.store import batch_path
from tests.integration.handoff.packages import Package
from tests.unit.withdrawals.desk import Desk


def formed(folder, template, packages, at, monkeypatch):
    """Id, lines and description of a batch of packages that came at a time."""
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: at)
        desk = Desk(folder, template)
        desk.delivered(*packages)
        batch = desk.form()
        lines = b"".join(desk.store.files.read(batch_path(batch)))
        described = canonical_json(croissant(desk.get(Batch, batch), len(lines)))
        desk.close()
    shutil.rmtree(folder)  # the next one stands in the same place, which the lines name
    return batch, lines, described


def test_the_same_packages_are_the_same_batch_byte_by_byte_whenever_they_came(tmp_path, template, monkeypatch):
    packages = [Package.of(3, patient=f"P{number}") for number in range(3)]
    one = formed(tmp_path / "home", template, packages, 1_700_000_000.25, monkeypatch)
    two = formed(tmp_path / "home", template, packages[::-1], 1_893_456_789.5, monkeypatch)
    assert one == two
    assert packages[0].study.encode() in one[1]
