"""Which studies have labels is asked of rows that are many: a project's spreadsheet may have one for each instance."""

import tracemalloc

import pytest
from sqlalchemy import insert, select

from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from handoff.database.tables import LabelDocument, LabelRowRecord, Study
from handoff.labels.attach import labelled_studies
from handoff.schemas.batches import LabelChoice

ROWS = 10_000
MOST_BYTES = 4 << 20


@pytest.fixture
def database(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/handoff.db")
    upgrade(database)
    row = {"document_id": "a" * 32, "project": "lungs", "source": "reader", "revision": 1, "level": "instance"}
    row |= {"patient": "P", "study_uid": "1.1", "series_uid": "1.2", "labels": {"lesion": True}}
    document = {"id": "a" * 32, "project": "lungs", "source": "reader", "revision": 1, "rows": ROWS}
    with database.write() as session:
        for uid in ("1.1", "1.9"):
            session.add(Study(project="lungs", study_uid=uid, patient="P", last_arrival_at=0.0))
        session.add(LabelDocument(**document, sha256="", size=1, receipt={}, received_at=0.0))
        session.flush()
        session.execute(insert(LabelRowRecord), [{**row, "sop_instance_uid": f"1.3.{n}"} for n in range(ROWS)])
    yield database
    database.close()


def test_labels_of_many_instances_are_not_all_held_at_once(database):
    with database.read() as session:
        studies = session.scalars(select(Study).order_by(Study.study_uid)).all()
        tracemalloc.start()
        try:
            found = labelled_studies(session, studies, LabelChoice())
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert found == {studies[0].id}
    assert peak < MOST_BYTES
