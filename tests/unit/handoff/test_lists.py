"""What a list reads and gives does not grow with what its items are made of."""

import pytest
from sqlalchemy import event, update

from handoff.database.tables import Batch
from handoff.service import Service
from handoff.settings import Settings
from tests.performance.many_rows import fill
from tests.unit.handoff.asking import Asking

BATCH = "0" * 64
DETAILS = {
    "left_out": [{"study": "1.2.9", "reason": "not-complete"}],
    "provenance": {"shipments": ["1" * 32], "studies": {"1.2.3": 1}, "treatments": []},
}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    service = Service.open(Settings.load(tmp_path_factory.mktemp("many")))
    fill(service.database, studies=400)
    with service.database.write() as session:
        session.execute(update(Batch).values(details=DETAILS))
    yield service
    service.database.close()


@pytest.fixture
def asked(service):
    """What the database is asked for meanwhile."""
    said: list[str] = []

    def note(_connection, _cursor, statement, *_: object) -> None:
        said.append(statement)

    event.listen(service.database.reader, "before_cursor_execute", note)
    yield said
    event.remove(service.database.reader, "before_cursor_execute", note)


def test_a_list_of_batches_reads_nothing_that_grows_with_their_studies(service, asked):
    answer = Asking(service).ask("GET", "/v1/batches")
    assert answer.status_code == 200
    assert not {"left_out", "provenance"} & set(answer.json()["items"][0])
    assert not any("batches.details" in statement for statement in asked)


def test_one_batch_has_all_of_it(service):
    shown = Asking(service).ask("GET", f"/v1/batches/{BATCH}").json()
    assert (shown["left_out"], shown["provenance"]["studies"]) == (DETAILS["left_out"], {"1.2.3": 1})


def test_a_batch_of_before_that_has_it_among_its_facts_is_shown_the_same(service):
    with service.database.write() as session:
        row = session.get_one(Batch, BATCH)
        few = {name: value for name, value in row.facts.items() if name != "studies"}
        row.facts, row.details = {**few, **DETAILS}, {}
    asking = Asking(service)
    assert asking.ask("GET", f"/v1/batches/{BATCH}").json()["provenance"]["studies"] == {"1.2.3": 1}
    assert asking.ask("GET", "/v1/batches").json()["items"][0]["studies"] == 1


@pytest.mark.parametrize("path", ["/v1/studies", "/v1/batches", "/v1/shipments", "/v1/handoffs", "/v1/models"])
def test_a_page_asks_as_much_of_many_rows_as_of_few(service, asked, path):
    """Each statement over rows of a table is for a page of them."""
    Asking(service).ask("GET", f"{path}?limit=2")
    unbounded = [said for said in asked if "FROM" in said and not {"WHERE", "LIMIT"} & set(said.split())]
    assert unbounded == []
