"""The kinds of handoffs that use a model: which of them need what, and that nobody is trained on and judged by."""

import shutil

import pytest

from handoff.batches.split import split_of
from handoff.database.tables import Batch, BatchStudy, ModelVersion, PipelineVersion, Study
from handoff.service import Service
from handoff.settings import Settings
from tests.unit.handoff.asking import Asking
from tests.unit.handoff.rows import BATCH, PIPELINE, add_decidable, add_handoff

NEW = "a" * 64
WIDE, NARROW = 60, 5
"""Shares for the test of which at least one of the patients below changes sides, against the 25 of `add_decidable`."""
PATIENTS = [f"P{number}" for number in range(20)]


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """A home as the first start leaves it, to be copied."""
    home = tmp_path_factory.mktemp("opened")
    Service.open(Settings.load(home)).database.close()
    return home


@pytest.fixture
def service(tmp_path, opened):
    shutil.copytree(opened, tmp_path, dirs_exist_ok=True)
    service = Service.open(Settings.load(tmp_path))
    with service.database.write() as session:
        add_decidable(session)
        inputs = session.get_one(PipelineVersion, PIPELINE).inputs | {"model_uri": {"type": "STRING", "optional": True}}
        session.get_one(PipelineVersion, PIPELINE).inputs = inputs
        add_prepared(session, BATCH, "1")
        add_model(session, 1, BATCH)
        add_patients(session, BATCH)
    yield service
    service.database.close()


@pytest.fixture
def asking(service):
    return Asking(service)


def add_prepared(session, batch: str, digit: str) -> None:
    facts = {"batch_id": batch, "pipeline_id": PIPELINE, "state": "SUCCEEDED", "spec_digest": "5" * 64, "ended_at": 1.0}
    add_handoff(session, id=digit * 32, key=digit * 64, kind="prepare", **facts)


def add_model(session, version: int, batch: str, began_with: str | None = None) -> None:
    """`unet:version`, trained on a batch, and if it began with another model, on that one's weights."""
    kind, name = ("retrain" if began_with else "train"), f"{version:032x}"
    facts = {"batch_id": batch, "pipeline_id": PIPELINE, "state": "SUCCEEDED", "model_id": began_with}
    add_handoff(session, id=name, key=name, kind=kind, **facts)
    facts = {"project": "lungs", "handoff_id": name, "spec_digest": "5" * 64, "path": "m.pt", "metrics": {}}
    session.add(ModelVersion(id=f"unet:{version}", name="unet", version=version, created_at=0.0, **facts))
    session.flush()


def add_patients(session, batch: str) -> None:
    """A study of each patient; the same ones in each batch."""
    for number, patient in enumerate(PATIENTS, start=1):
        if session.get(Study, number) is None:
            uid = {"study_uid": f"1.2.{number}", "last_arrival_at": 0.0}
            session.add(Study(id=number, project="lungs", patient=patient, state="complete", version=1, **uid))
            session.flush()
        session.add(BatchStudy(batch_id=batch, study_id=number, version=1))


def add_batch(service, test_percent: int) -> None:
    """The batch NEW of the same patients, prepared with the same spec, with another share for the test."""
    with service.database.write() as session:
        add_decidable(session, batch=NEW)
        session.get_one(Batch, NEW).test_percent = test_percent
        add_prepared(session, NEW, "2")
        add_patients(session, NEW)


def decide(asking, kind: str, batch: str = BATCH, model: str | None = "unet:1"):
    return asking.ask("POST", "/v1/handoffs", {"kind": kind, "batch": batch, "pipeline": "toy", "model": model})


@pytest.mark.parametrize("kind", ["retrain", "evaluate", "infer"])
def test_what_uses_a_model_names_one_and_says_so_when_shown(asking, kind):
    answer = decide(asking, kind)
    assert (answer.status_code, answer.json()["kind"], answer.json()["model"]) == (202, kind, "unet:1")
    assert decide(asking, kind, model=None).json()["code"] == "model-unfit"


@pytest.mark.parametrize("kind", ["prepare", "train"])
def test_what_uses_none_names_none(asking, kind):
    assert decide(asking, kind).json()["code"] == "model-unfit"
    assert decide(asking, kind, model=None).status_code == 202


@pytest.mark.parametrize("kind", ["retrain", "evaluate", "infer"])
def test_a_pipeline_that_takes_no_model_is_unfit_for_it(service, asking, kind):
    with service.database.write() as session:
        version = session.get_one(PipelineVersion, PIPELINE)
        version.inputs = {name: facts for name, facts in version.inputs.items() if name != "model_uri"}
    assert decide(asking, kind).json()["code"] == "pipeline-unfit"


def test_what_no_preparing_can_mend_is_said_before_anything_is_prepared(service, asking):
    """Whoever named a wrong model is not sent to prepare a batch for hours first."""
    with service.database.write() as session:
        add_decidable(session, batch=NEW)
        session.get_one(Batch, NEW).test_percent = WIDE
        add_patients(session, NEW)
    unknown = decide(asking, "evaluate", NEW, "unet:9").json()
    assert (unknown["code"], "sluice models list" in unknown["remedy"]) == ("model-unknown", True)
    assert decide(asking, "evaluate", NEW).json()["code"] == "split-leak"
    wrong = {"kind": "infer", "batch": NEW, "pipeline": "toy", "model": "unet:1", "parameters": {"nothing": 1}}
    assert asking.ask("POST", "/v1/handoffs", wrong).json()["code"] == "parameter-unknown"
    assert decide(asking, "infer", NEW).json()["code"] == "batch-not-prepared"


def test_nobody_is_judged_by_where_nobody_tests(service, asking):
    with service.database.write() as session:
        session.get_one(Batch, BATCH).facts = {"patients": {"train": 3, "test": 0}}
    assert decide(asking, "evaluate").json()["code"] == "batch-without-test"
    assert decide(asking, "retrain").status_code == 202


@pytest.mark.parametrize(
    ("kind", "percent", "leaks"),
    [
        ("retrain", 25, False),
        ("retrain", NARROW, True),
        ("retrain", WIDE, True),
        ("evaluate", 25, False),
        ("evaluate", NARROW, False),
        ("evaluate", WIDE, True),
        ("infer", NARROW, False),
        ("infer", WIDE, False),
    ],
)
def test_a_patient_who_tested_is_never_trained_on_and_who_was_trained_on_never_tests(
    service, asking, kind, percent, leaks
):
    """With a smaller share some who tested `unet:1` would train; with a larger one some that it saw would test."""
    assert len({split_of("lungs", patient, NARROW) + split_of("lungs", patient) for patient in PATIENTS}) > 2
    assert len({split_of("lungs", patient, WIDE) + split_of("lungs", patient) for patient in PATIENTS}) > 2
    add_batch(service, percent)
    answer = decide(asking, kind, NEW)
    assert answer.json().get("code") == ("split-leak" if leaks else None)


def test_the_models_that_a_model_began_with_count_too(service, asking):
    """`unet:2` was trained on with the wide share, and it began with `unet:1`, which was not."""
    add_batch(service, WIDE)
    with service.database.write() as session:
        add_model(session, 2, NEW, began_with="unet:1")
    assert decide(asking, "evaluate", NEW, "unet:2").json()["code"] == "split-leak"
    assert asking.ask("GET", "/v1/models/unet:2").json()["retrained_from"] == "unet:1"
    assert asking.ask("GET", "/v1/models/unet:1").json()["retrained_from"] is None


def test_patients_who_are_not_in_both_batches_leak_nothing(service, asking):
    add_batch(service, WIDE)
    with service.database.write() as session:
        session.query(BatchStudy).where(BatchStudy.batch_id == NEW).delete()
    assert decide(asking, "evaluate", NEW).status_code == 202
