"""Which objects of results are listed, when more are open than a list holds."""

import pytest
from sqlalchemy import true

from handoff.database.tables import ResultFileRow
from handoff.results.objects import open_objects
from handoff.service import Service
from handoff.settings import Settings
from tests.unit.handoff.rows import add_handoff, add_surroundings

OPEN = {f"{number:032x}" for number in range(12)}


@pytest.fixture
def database(tmp_path):
    service = Service.open(Settings.load(tmp_path))
    with service.database.write() as session:
        add_surroundings(session)
        add_handoff(session, id="a" * 32, key="key", kind="infer", state="SUCCEEDED")
        for object_id in OPEN:
            file = {"sha256": "", "size": 1, "role": "segmentation", "media_type": "application/dicom"}
            session.add(ResultFileRow(handoff_id="a" * 32, path=object_id, object_id=object_id, **file))
    yield service.database
    service.database.close()


def test_objects_that_cannot_be_fetched_do_not_hide_the_others(database):
    """Nobody acknowledges anything, and yet every one is listed before long."""
    seen: set[str] = set()
    for _ in range(200):
        with database.read() as session:
            listed = open_objects(session, 3, true())
        assert len(listed) == 3
        seen |= set(listed)
    assert seen == OPEN
