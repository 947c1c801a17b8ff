"""An infer handoff on a served model: the same key and result, whatever answer is lost and whoever is killed."""

import pytest
from sqlalchemy import select

from handoff.backends.interface import Answer, BackendError, RunPhase
from handoff.backends.kserve import KServe
from handoff.database.tables import Event
from handoff.errors import RunError
from handoff.handoffs.cancel import cancel
from handoff.handoffs.states import ENDED, State
from handoff.lineage.trace import trace
from handoff.targets import ServedModelTarget
from tests.cutting_proxy import CuttingProxy
from tests.integration.serving.handed_off import HandedOff
from tests.integration.serving.served import MODEL
from tests.loopback import refusing_port
from tests.waiting import wait_for

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def handed_off(server, material):
    with HandedOff(material, server.url) as handed_off:
        yield handed_off


@pytest.fixture
def blocked_off(blocked):
    with HandedOff(blocked.material, blocked.url, token_file=blocked.token) as handed_off:
        yield handed_off


def work(handed_off: HandedOff, handoff_id: str, *states: State):
    """Let the worker work until the handoff is in one of the states."""

    def there() -> bool:
        handed_off.worker.work()
        return handed_off.handoff(handoff_id).state in states

    wait_for(there, 150, lambda: f"{handed_off.handoff(handoff_id).state} {handed_off.handoff(handoff_id).reason}")
    return handed_off.handoff(handoff_id)


def events(handed_off: HandedOff, handoff_id: str) -> list[tuple[str, str | None]]:
    with handed_off.database.read() as session:
        rows = session.scalars(select(Event).where(Event.handoff_id == handoff_id).order_by(Event.id))
        return [(row.event, row.reason) for row in rows]


def begun(handed_off: HandedOff, key: str) -> int:
    file = handed_off.home.results / ".serving" / key / "attempts"
    return file.read_text().split().count("begun") if file.exists() else 0


def test_an_infer_handoff_succeeds_on_the_served_model_and_is_traced_to_it(handed_off):
    handoff_id = handed_off.accept("succeeds")
    ended = work(handed_off, handoff_id, *ENDED)
    assert (ended.state, ended.attempts, ended.reference) == (State.SUCCEEDED, 1, ended.key)
    assert handed_off.roles(handoff_id) == ["report", "segmentation", "segmentation"]
    assert "succeeded" in handed_off.backend.logs(ended.key).read_text()
    with handed_off.database.read() as session:
        found = trace(session, MODEL)
    assert (f"model:{MODEL}", f"handoff:{handoff_id}") in {(edge.source, edge.target) for edge in found.edges}


@pytest.mark.parametrize(
    ("kind", "model", "parameters", "code"),
    [
        ("prepare", None, {}, "target-kind"),
        ("train", None, {}, "target-kind"),
        ("infer", "unet:2", {}, "target-model"),
        ("infer", MODEL, {"spec": "ct-body"}, "target-parameters"),
    ],
)
def test_what_a_served_model_cannot_do_is_refused_at_acceptance(handed_off, kind, model, parameters, code):
    with pytest.raises(RunError) as refused:
        handed_off.accept("refused", kind, model, **parameters)
    assert refused.value.code == code


def test_a_server_of_other_code_is_sent_nothing(handed_off):
    handoff_id = handed_off.accept("other-code", code="c" * 64)
    handed_off.worker.work()
    handoff = handed_off.handoff(handoff_id)
    assert (handoff.state, handoff.reason, handoff.attempts) == (State.VALIDATING, "served-model-differs", 0)
    assert not (handed_off.home.results / ".serving" / handoff.key).exists()
    cancel(handed_off.database, handoff_id)


def test_lost_answers_to_a_start_leave_one_run(handed_off, server, material):
    with CuttingProxy(server.port) as proxy, HandedOff(material, proxy.url) as through:
        handoff_id = through.accept("lost")
        proxy.lose(b"/infer", 2)  # that to the start, and that to the question after it
        ended = work(through, handoff_id, *ENDED)
        assert len(proxy.lost) == 2
    assert ended.state == State.SUCCEEDED
    assert begun(handed_off, ended.key) == 1


def test_a_server_that_is_not_there_is_waited_for_and_no_attempt_is_counted(handed_off, material):
    with refusing_port() as port, HandedOff(material, f"http://127.0.0.1:{port}") as away:
        assert (away.backend.probe().problem, away.backend.probe().passing) == ("server-unreachable", True)
        handoff_id = away.accept("away")
        away.worker.work()
        assert ("postponed", "server-unreachable") in events(away, handoff_id)
        assert (away.handoff(handoff_id).state, away.handoff(handoff_id).attempts) == (State.VALIDATING, 0)
        cancel(away.database, handoff_id)


def test_the_probe_names_the_model_and_says_when_it_is_another(handed_off, server):
    assert handed_off.backend.probe().versions["model"] == MODEL
    other = KServe(handed_off.home, ServedModelTarget(backend="kserve", url=server.url, model="unet:7"))
    assert other.probe().problem == "served-model-differs"
    other.close()


def test_an_unknown_run_is_gone_and_an_unknown_route_is_refused(handed_off, server):
    assert handed_off.backend.find("0" * 64, "") is None
    assert handed_off.backend.status("0" * 64).phase is RunPhase.GONE
    other = KServe(handed_off.home, ServedModelTarget(backend="kserve", url=server.url, model="other:1"))
    with pytest.raises(BackendError) as refused:
        other.status("0" * 64)
    other.close()
    assert (refused.value.code, refused.value.answer) == ("http-404", Answer.REFUSED)


def test_a_server_killed_in_the_middle_and_started_again_leaves_one_result(blocked, blocked_off):
    handoff_id = blocked_off.accept("killed")
    key = work(blocked_off, handoff_id, State.RUNNING).key
    wait_for(lambda: begun(blocked_off, key) == 1)
    blocked.kill()

    def silent() -> bool:
        blocked_off.worker.work()
        return blocked_off.handoff(handoff_id).reason == "server-unreachable"

    wait_for(silent)
    assert blocked_off.handoff(handoff_id).state == State.RUNNING
    blocked.release()
    blocked.start()
    ended = work(blocked_off, handoff_id, *ENDED)
    assert (ended.state, ended.attempts, begun(blocked_off, key)) == (State.SUCCEEDED, 1, 2)
    assert blocked_off.roles(handoff_id) == ["report", "segmentation", "segmentation"]


def test_what_has_completed_stays_so_and_another_worker_finds_it(handed_off):
    key = work(handed_off, handed_off.accept("stays"), *ENDED).key
    again = KServe(handed_off.home, handed_off.target)
    assert again.find(key, "") == key
    again.cancel(key)
    again.cancel(key)
    assert again.status(key).phase is RunPhase.COMPLETED
    assert (again.logs("0" * 64), again.artifacts(key)) == (None, None)
    again.close()


def test_a_canceled_handoff_ends_its_run(blocked, blocked_off):
    handoff_id = blocked_off.accept("canceled")
    work(blocked_off, handoff_id, State.RUNNING)
    cancel(blocked_off.database, handoff_id)
    ended = work(blocked_off, handoff_id, *ENDED)
    assert (ended.state, ended.reason) == (State.CANCELED, "asked")
    blocked.release()
