"""What was measured of a registered version: shown, traced, and demanded by the gate beside the version before."""

import pytest

from handoff.contract.result import Result
from handoff.database.tables import Batch, Handoff, LineageEvent, PipelineVersion, Promotion
from handoff.errors import PromotionError
from handoff.handoffs.states import State, transition
from handoff.lineage.trace import trace
from handoff.models.evaluations import newest_figures
from handoff.results.record import record_result
from tests.unit.handoff.rows import add_handoff
from tests.unit.models.registry import Registry

ONE, OTHER = "1" * 64, "2" * 64
GATE = {"evaluation": {"metrics": {"dice_test": {"at_least": 0.8, "worse_by": 0.05}}}}


@pytest.fixture
def registry(tmp_path):
    registry = Registry(tmp_path, GATE)
    with registry.database.write() as session:
        for batch in (ONE, OTHER):
            facts = {"project": "lungs", "file_sha256": "", "test_percent": 25, "instances": 1, "annotations": 0}
            session.add(Batch(id=batch, facts={}, created_at=0.0, **facts))
    for version in (1, 2):
        registry.train(version)
    yield registry
    registry.database.close()


def evaluate(registry, version: int, batch: str = ONE, number: int = 1, how: dict | None = None, **metrics) -> str:
    """A run that measured a version, as a worker records its end; later ones have higher numbers."""
    name = f"{version}{number}".rjust(32, "e")
    with registry.database.write() as session:
        facts = {
            "kind": "evaluate",
            "state": "RUNNING",
            "batch_id": batch,
            "model_id": f"unet:{version}",
            **(how or {}),
        }
        add_handoff(session, id=name, key=name * 2, **facts)
        handoff = session.get_one(Handoff, name)
        result = {"handoff_key": name * 2, "kind": "evaluate", "files": [], "metrics": metrics, "spec_digest": "5" * 64}
        record_result(session, handoff, Result.model_validate(result))
        transition(session, handoff, State.SUCCEEDED)
        handoff.ended_at = float(number)
    return name


def refused(registry, version: int) -> list[str | None]:
    with pytest.raises(PromotionError):
        registry.ask(version)
    with registry.database.read() as session:
        newest = session.query(Promotion).order_by(Promotion.asked_at.desc()).first()
        return [finding["shortfall"] for finding in newest.gate["findings"] if finding["metric"]]


def test_a_version_that_nobody_evaluated_does_not_pass_a_gate_that_wants_it(registry):
    assert refused(registry, 1) == ["not-evaluated"]


def test_the_newest_evaluation_counts_and_the_finding_names_it(registry):
    evaluate(registry, 1, number=1, dice_test=0.1)
    newest = evaluate(registry, 1, number=2, dice_test=0.9)
    row = registry.ask(1)
    assert (row.state, row.gate["findings"][-1]["evaluation"], registry.champion) == ("approved", newest, "unet:1")


@pytest.mark.parametrize(
    ("figures", "shortfall"),
    [({"dice_test": 0.79}, "too-low"), ({"dice_test": 0.84}, "worse-than-before"), ({"loss": 1.0}, "metric-missing")],
)
def test_an_evaluation_that_falls_short_is_refused(registry, figures, shortfall):
    evaluate(registry, 1, dice_test=0.9)
    registry.ask(1)
    evaluate(registry, 2, **figures)
    assert refused(registry, 2) == [shortfall]


def test_versions_are_compared_on_the_same_batch_or_not_at_all(registry):
    """A better figure on an easier batch says nothing."""
    evaluate(registry, 1, ONE, dice_test=0.8)
    registry.ask(1)
    evaluate(registry, 2, OTHER, dice_test=0.99)
    assert refused(registry, 2) == ["before-not-evaluated"]
    evaluate(registry, 1, OTHER, number=3, dice_test=0.97)
    assert registry.ask(2).state == "approved"


@pytest.mark.parametrize(
    "how", [{"pipeline_id": "q"}, {"parameters": {"threshold": 0.9}}], ids=["pipeline", "parameters"]
)
def test_versions_are_compared_by_the_same_measure_or_not_at_all(registry, how):
    """What another pipeline, or this one set otherwise, calls dice may be another thing."""
    with registry.database.write() as session:
        other = {"name": "q", "yaml_digest": "", "code_digest": "", "inputs": {}, "registered_at": 0.0}
        session.add(PipelineVersion(id="q", **other))
    evaluate(registry, 1, dice_test=0.9)
    registry.ask(1)
    evaluate(registry, 1, number=2, how=how, dice_test=0.8)
    evaluate(registry, 2, number=3, dice_test=0.81)
    assert refused(registry, 2) == ["worse-than-before"]
    evaluate(registry, 2, OTHER, number=4, dice_test=0.9)
    evaluate(registry, 1, OTHER, number=5, how=how, dice_test=0.8)
    assert refused(registry, 2) == ["before-not-evaluated"]


def test_a_figure_that_the_evaluation_before_lacks_is_not_compared_with_nothing(registry):
    evaluate(registry, 1, dice_test=0.9)
    registry.ask(1)
    evaluate(registry, 1, number=2, loss=0.1)
    evaluate(registry, 2, dice_test=0.81)
    assert refused(registry, 2) == ["before-not-evaluated"]


def test_a_project_may_name_the_one_batch_that_counts(tmp_path):
    registry = Registry(tmp_path, {"evaluation": {"batch": ONE, "metrics": {"dice_test": {"at_least": 0.8}}}})
    registry.train(1)
    with registry.database.write() as session:
        facts = {"project": "lungs", "file_sha256": "", "test_percent": 25, "instances": 1, "annotations": 0}
        session.add_all([Batch(id=batch, facts={}, created_at=0.0, **facts) for batch in (ONE, OTHER)])
    evaluate(registry, 1, OTHER, dice_test=0.9)
    assert refused(registry, 1) == ["not-evaluated"]
    evaluate(registry, 1, ONE, number=2, dice_test=0.9)
    assert registry.ask(1).state == "approved"
    registry.database.close()


def test_figures_of_withdrawn_data_pass_nothing(registry):
    evaluate(registry, 1, dice_test=0.9)
    with registry.database.write() as session:
        session.get_one(Batch, ONE).withdrawn_by = "w" * 32
    assert refused(registry, 1) == ["not-evaluated"]


def test_an_evaluation_stands_in_the_log_and_in_the_line_of_its_model(registry):
    handoff = evaluate(registry, 1, dice_test=0.9)
    with registry.database.read() as session:
        event = session.query(LineageEvent).where(LineageEvent.event == "model-evaluated").one()
        assert (event.subject, event.facts) == (
            "model:unet:1",
            {"project": "lungs", "handoff": handoff, "batch": ONE},
        )
        found = trace(session, "unet:1")
        facts = {f"{node.kind}:{node.id}": node.facts for node in found.nodes}
        assert facts["model:unet:1"]["evaluated"] == {"dice_test": 0.9}
        assert ("model:unet:1", f"handoff:{handoff}") in {(edge.source, edge.target) for edge in found.edges}
        assert newest_figures(session, ["unet:2"]) == {}


def test_an_evaluation_without_a_figure_is_no_result():
    with pytest.raises(ValueError, match="at least one metric"):
        Result.model_validate({"handoff_key": ONE, "kind": "evaluate", "files": [], "spec_digest": "5" * 64})


@pytest.mark.parametrize("kind", ["prepare", "evaluate", "infer"])
def test_only_a_training_makes_a_model(kind):
    file = {"path": "m.pt", "sha256": ONE, "size": 1, "role": "model", "media_type": "application/octet-stream"}
    result = {"handoff_key": ONE, "files": [file], "spec_digest": "5" * 64, "metrics": {"dice": 1.0}}
    model = {"name": "unet", "file": "m.pt"}
    with pytest.raises(ValueError, match="names exactly one model"):
        Result.model_validate({**result, "kind": kind, "model": model})
    for training in ("train", "retrain"):
        assert Result.model_validate({**result, "kind": training, "model": model}).model is not None
