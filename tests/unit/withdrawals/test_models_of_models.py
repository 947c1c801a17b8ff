"""A model that began with one of withdrawn data holds something of it too, and is named."""

from handoff.contract.result import Result
from handoff.handoffs.states import State
from handoff.results.record import record_result
from tests.integration.handoff.packages import Package


def train(desk, batch: str, begins_with: str | None = None) -> None:
    """The next version of `unet`, on a batch."""
    kind = "retrain" if begins_with else "train"
    run = desk.handoff(batch, State.SUCCEEDED, kind=kind, model_id=begins_with)
    file = {"path": "m.pt", "sha256": "0" * 64, "size": 1, "role": "model", "media_type": "application/octet-stream"}
    made = {"model": {"name": "unet", "file": "m.pt"}, "files": [file], "spec_digest": "5" * 64}
    with desk.database.write() as session:
        result = Result.model_validate({"handoff_key": run.key, "kind": kind, **made})
        record_result(session, session.merge(run), result)


def test_models_that_began_with_a_model_of_withdrawn_data_remain_by_name(desk):
    package, other = Package.of(1, study="1.2.3"), Package.of(1, study="1.2.4", patient="P2")
    desk.delivered(package)
    batch = desk.form()
    desk.delivered(other)
    later = desk.form(select={"studies": ["1.2.4"]})
    train(desk, batch)
    train(desk, later, "unet:1")
    train(desk, later, "unet:2")
    train(desk, later)
    asked = desk.withdraw(package)
    assert desk.work(asked.id)
    remains = desk.certificate(asked.id).certificate.remains
    models = {copy.name: copy.reason for copy in remains if copy.kind == "model"}
    assert models == {f"unet:{version}": "derived-model" for version in (1, 2, 3)}
