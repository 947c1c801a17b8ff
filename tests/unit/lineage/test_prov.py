"""A trace as PROV: the library of PROV reads it, and it tells no time, no address and no person."""

import json

import pytest
from prov.model import ProvActivity, ProvDerivation, ProvDocument, ProvEntity, ProvGeneration, ProvUsage

from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from handoff.database.tables import LineageEvent
from handoff.lineage.log import record
from handoff.lineage.openlineage import Naming, is_told, run_event
from handoff.lineage.prov import prov_json
from handoff.lineage.trace import trace
from tests.generated_lineage import BATCH, SECRET_ADDRESS, SECRET_TIME, TRAIN, fill, run_id, shipment_id, study_uid


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('prov')}/handoff.db")
    upgrade(database)
    with database.write() as session:
        fill(session, 3)
        record(session, "batch-formed", ("batch", BATCH), "lungs")
        for handoff in (TRAIN, run_id(1)):
            record(session, "handoff-submitted", ("handoff", handoff), "lungs")
            record(session, "handoff-ended", ("handoff", handoff), "lungs", state="SUCCEEDED", ran=True)
    yield database
    database.close()


def read(database, identifier: str) -> ProvDocument:
    with database.read() as session:
        text = json.dumps(prov_json(trace(session, identifier)))
    return ProvDocument.deserialize(content=text, format="json")


def pairs(document: ProvDocument, kind: type) -> set[tuple[str, str]]:
    """The two ends of each relation of a kind, by their local names."""
    found = set()
    for relation in document.get_records(kind):
        (_, first), (_, second) = relation.formal_attributes[:2]
        found.add((first.localpart, second.localpart))
    return found


def test_a_model_was_generated_by_a_run_that_used_a_batch_that_derives_from_shipments(database):
    document = read(database, "unet:1")
    assert len(list(document.get_records(ProvActivity))) == 3
    assert ("model/unet%3A1", f"handoff/{TRAIN}") in pairs(document, ProvGeneration)
    assert (f"handoff/{TRAIN}", f"batch/{BATCH}") in pairs(document, ProvUsage)
    assert (f"handoff/{run_id(1)}", "model/unet%3A1") in pairs(document, ProvUsage)
    assert (f"batch/{BATCH}", f"shipment/{shipment_id(2)}") in pairs(document, ProvDerivation)
    assert (f"file/{run_id(1)}/seg.dcm", f"handoff/{run_id(1)}") in pairs(document, ProvGeneration)


def test_a_study_derives_from_its_shipment_and_its_evidence(database):
    document = read(database, study_uid(1))
    assert (f"study/{study_uid(1)}", f"shipment/{shipment_id(1)}") in pairs(document, ProvDerivation)
    assert any(str(entity.identifier).startswith("sluice:evidence/") for entity in document.get_records(ProvEntity))


def test_what_the_library_writes_of_it_says_the_same(database):
    document = read(database, "unet:1")
    again = ProvDocument.deserialize(content=document.serialize(format="json"), format="json")
    assert again == document


@pytest.mark.parametrize("identifier", ["unet:1", BATCH, study_uid(1), shipment_id(1), f"{study_uid(1)}.1.1", TRAIN])
def test_no_export_tells_a_time_an_address_or_a_person(database, identifier):
    with database.read() as session:
        found = trace(session, identifier)
        exports = [json.dumps(found.plain()), json.dumps(prov_json(found))]
        events = [row for row in session.query(LineageEvent) if is_told(row)]
        exports += [json.dumps(run_event(session, row, Naming("sluice"))) for row in events]
        assert len(exports) == 2 + 5
    for text in exports:
        for secret in (str(int(SECRET_TIME)), "2009-02-13", SECRET_ADDRESS, "ada@"):
            assert secret not in text


def test_the_canaries_would_be_found(database):
    """The test above proves nothing unless what it looks for can get out: with times it does."""
    with database.read() as session:
        rows = [row for row in session.query(LineageEvent) if is_told(row)]
        text = json.dumps([run_event(session, row, Naming("sluice", with_times=True)) for row in rows])
    assert "2009-02-13" in text
