"""A line of any length is traced by a bounded number of questions, and what is left out is said and can be paged."""

import pytest
from sqlalchemy import event

from handoff.access.principal import Principal
from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from handoff.database.tables import Batch
from handoff.errors import NotFoundError
from handoff.lineage.trace import neighbours, trace
from tests.generated_lineage import BATCH, TRAIN, fill, run_id, shipment_id, study_uid

STUDIES, RUNS = 600, 300


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('lineage')}/handoff.db")
    upgrade(database)
    with database.write() as session:
        fill(session, STUDIES, instances=3, runs=RUNS)
    yield database
    database.close()


def kinds(found) -> dict[str, int]:
    counted: dict[str, int] = {}
    for node in found.nodes:
        counted[node.kind] = counted.get(node.kind, 0) + 1
    return counted


def traced(database, identifier: str, limit: int = 10_000, who: Principal | None = None):
    with database.read() as session:
        return trace(session, identifier, limit, who)


def test_a_model_leads_to_every_shipment_and_to_every_run_that_used_it(database):
    found = traced(database, "unet:1")
    expected = {"shipment": STUDIES, "batch": 1, "handoff": 2 + RUNS, "model": 1, "file": RUNS}
    assert (kinds(found), found.complete, found.cut) == (expected, True, ())
    edges = {(edge.source, edge.target) for edge in found.edges}
    assert (f"shipment:{shipment_id(STUDIES)}", f"batch:{BATCH}") in edges
    assert (f"handoff:{TRAIN}", "model:unet:1") in edges
    assert ("model:unet:1", f"handoff:{run_id(RUNS)}") in edges


def test_an_instance_leads_to_its_shipment_and_to_every_run(database):
    found = traced(database, f"{study_uid(7)}.1.2")
    assert kinds(found) == {"instance": 1, "shipment": 1, "batch": 1, "handoff": 2 + RUNS, "model": 1, "file": RUNS}


@pytest.mark.parametrize("limit", [2, 10, 50, 400])
def test_a_limit_shows_the_nearest_things_and_says_where_it_cut(database, limit):
    found = traced(database, "unet:1", limit)
    assert len(found.nodes) <= limit + 1
    assert not found.complete
    assert found.start == "model:unet:1"
    named = {f"{node.kind}:{node.id}" for node in found.nodes}
    assert {cut.node for cut in found.cut} <= named
    assert {end for edge in found.edges for end in (edge.source, edge.target)} <= named


def test_what_was_cut_is_paged_to_its_end(database):
    found = traced(database, "unet:1", 50)
    (cut,) = [cut for cut in found.cut if cut.kind == "shipment"]
    assert (cut.node, cut.way) == (f"batch:{BATCH}", "up")
    seen: list[str] = []
    after = None
    with database.read() as session:
        while True:
            page, after = neighbours(session, BATCH, "up", "shipment", after=after, limit=100, who=None)
            seen += [node.id for node in page]
            if after is None:
                break
    assert seen == sorted(shipment_id(number) for number in range(1, STUDIES + 1))


def test_the_number_of_questions_does_not_grow_with_the_line(database):
    asked: list[str] = []
    event.listen(database.reader, "before_cursor_execute", lambda *args: asked.append(args[2]))
    traced(database, "unet:1", 20)
    few = len(asked)
    asked.clear()
    traced(database, "unet:1")
    assert len(asked) - few <= 30  # levels and chunks of 500, for 1,800 things more


def test_who_may_not_see_a_project_is_told_that_there_is_nothing(database):
    guest, member = (
        Principal("g", "ml-engineer", frozenset({"hearts"})),
        Principal("m", "auditor", frozenset({"lungs"})),
    )
    for name in ("unet:1", BATCH, study_uid(1), shipment_id(1), TRAIN):
        with pytest.raises(NotFoundError):
            traced(database, name, who=guest)
        assert traced(database, name, who=member).nodes


def test_a_batch_that_is_still_being_formed_is_nowhere(database, tmp_path):
    fresh = Database(f"sqlite:///{tmp_path}/handoff.db")
    upgrade(fresh)
    with fresh.write() as session:
        fill(session, 1)
        session.get_one(Batch, BATCH).formed = False
    assert kinds(traced(fresh, shipment_id(1))) == {"shipment": 1}
    fresh.close()
