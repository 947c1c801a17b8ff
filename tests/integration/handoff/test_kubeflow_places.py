"""What is asked how often: places once, unless one may be gone; a lost look again, a lost sending never."""

from collections import Counter

import pytest

from handoff.backends.interface import BackendError
from handoff.backends.kfp import Kubeflow
from tests.integration.handoff.engines import Engine, kubeflow_target
from tests.kubeflow_server.process import KubeflowServer

pytestmark = pytest.mark.integration
LOOKED_UP = ("ListExperiments", "GetPipelineByName", "ListPipelineVersions")


NONE = {"refuse": 0, "lose": 0, "fail": 0}


@pytest.fixture(scope="module")
def world(tmp_path_factory, toy_yaml):
    folder = tmp_path_factory.mktemp("places")
    (folder / "toy.yaml").write_text(toy_yaml)
    with KubeflowServer(folder / "server") as server:
        target = kubeflow_target(server, folder)
        yield server, Engine(folder, folder / "toy.yaml", lambda: Kubeflow(folder / "kubeflow", "far", target))


@pytest.mark.parametrize(
    ("fault", "again"),
    [
        pytest.param({"refuse": 1, "refuse_by": "503"}, 0, id="refused by a proxy"),
        pytest.param({"refuse": 1, "refuse_by": "reset"}, 0, id="connection reset"),
        pytest.param({"lose": 1}, 0, id="answer lost"),
        pytest.param({"fail": 1}, 1, id="500, as of an unknown version"),
    ],
)
def test_a_failed_createrun_is_no_reason_to_look_places_up_again_unless_it_says_so(world, fault, again):
    server, engine = world
    server.meet(**NONE)
    engine.backend.submit(engine.backend.prepare(engine.order()))
    before = looked_up(server)
    server.meet(**fault, only=["CreateRun"])
    for _ in range(2):
        with pytest.raises(BackendError):
            engine.backend.submit(engine.backend.prepare(engine.order()))
    assert (looked_up(server) - before).total() == again * len(LOOKED_UP)


@pytest.mark.parametrize("fault", [{"lose": 1}, {"refuse": 1, "refuse_by": "503"}], ids=["lost", "refused"])
def test_a_look_that_fails_is_made_again_twice_and_a_sending_never(world, fault):
    server, engine = world
    server.meet(**NONE)
    order = engine.order()
    prepared = engine.backend.prepare(order)
    before = Counter(line["operation"] for line in server.journal())
    server.meet(**fault, only=["ListRuns", "CreateRun"])
    with pytest.raises(BackendError):
        engine.backend.find(order.key, order.handoff)
    with pytest.raises(BackendError):
        engine.backend.submit(prepared)
    assert Counter(line["operation"] for line in server.journal()) - before == {"ListRuns": 3, "CreateRun": 1}


@pytest.mark.parametrize(("slots", "started"), [(True, 1), (False, 2)], ids=["by slots", "without"])
def test_with_slots_the_server_itself_starts_a_run_that_is_sent_twice_once(world, slots, started):
    server, engine = world
    server.meet(**NONE)
    target = kubeflow_target(server, engine.folder, slots=slots)
    order = engine.order()
    names = set()
    for place in ("kubeflow", "another"):  # another worker, which knows nothing of the first one's slot
        backend = Kubeflow(engine.folder / place, "slotted", target)
        names.add(backend.submit(backend.prepare(order)))
    runs = [row for row in server.rows("SELECT run_id, recurring_run_id FROM runs") if row[0] in names]
    assert (len(runs), len({slot for _, slot in runs if slot})) == (started, int(slots))
    assert {tuple(row) for row in server.rows("SELECT mode FROM recurring_runs")} <= {("DISABLE",)}


def looked_up(server):
    return Counter(line["operation"] for line in server.journal() if line["operation"] in LOOKED_UP)
