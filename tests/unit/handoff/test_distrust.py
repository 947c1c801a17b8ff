"""What a restored home does with handoffs whose backup cannot say whether they were sent afterwards."""

import pytest

from handoff.database.tables import Handoff, OutboxRow
from handoff.operations.restore import _distrust
from handoff.service import Service
from handoff.settings import Settings
from tests.unit.handoff.rows import add_handoff, add_surroundings

ID = "a" * 32


@pytest.mark.parametrize(
    ("state", "target", "after"),
    [
        ("ACCEPTED", "gpus", "CANCELED"),
        ("SUBMITTING", "local", "SUBMITTING"),
    ],
    ids=["any member may have had it", "its target is known, and is asked"],
)
def test_a_handoff_to_a_pool_is_asked_for_where_its_target_is_known(tmp_path, state, target, after):
    """An attempt that never reached an engine is not counted, and yet its target is claimed for good."""
    service = Service.open(Settings.load(tmp_path))
    with service.database.write() as session:
        add_surroundings(session)
        add_handoff(session, id=ID, key="k", state=state, target=target, pool="gpus")
        session.add(OutboxRow(handoff_id=ID, target=target, due_at=0.0))
    _distrust(service.database)
    with service.database.read() as session:
        assert session.get_one(Handoff, ID).state == after
    service.database.close()
