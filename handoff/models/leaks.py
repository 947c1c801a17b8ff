"""No patient may be trained on and judged by in one line of models.

A patient's side is decided by the pseudonym and the batch's share for the test alone, so it is the same in every batch
of the same share. Batches of other shares part differently: a patient who tested the model before could be trained on
by the next, and a model could be judged on patients that it, or the one that it began with, has seen. Either way its
figures would be too good.
"""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from handoff.batches.split import split_of
from handoff.contract.result import RunKind
from handoff.database.tables import Batch, BatchStudy, Handoff, ModelVersion, Study
from handoff.errors import RunError


def require_apart(session: Session, kind: RunKind, batch_id: str, model: ModelVersion) -> None:
    """Let a retraining or an evaluation pass; other kinds cannot leak.

    Pseudonyms of another project are of other people, so of a model of another one nothing is found.

    Args:
        session: of the database.
        kind: of the handoff.
        batch_id: the batch that the handoff uses.
        model: the one that it uses.

    Raises:
        RunError: a patient would be trained on who tests the model or one that it began with, or the other way about;
            or nobody of the batch tests.
    """
    if kind not in {"retrain", "evaluate"}:
        return
    batch = session.get_one(Batch, batch_id)
    if kind == "evaluate" and batch.facts.get("patients", {}).get("test") == 0:
        message = "Nobody of the batch is on its test side, so it judges no model."
        raise RunError(message, code="batch-without-test", remedy="Form a batch with a test_percent above 0.")
    for learned in batches_of_line(session, model):
        seen = _changed_sides(session, trained=learned, tested=batch)
        if seen or (kind == "retrain" and _changed_sides(session, trained=batch, tested=learned)):
            raise RunError(
                "A patient would be trained on and judged by in one line of models.",
                code="split-leak",
                remedy=f"Form the batch with the test_percent of the model's own, {learned.test_percent}.",
            )


def batches_of_line(session: Session, model: ModelVersion) -> Iterator[Batch]:
    """The batches that a model was trained on, and those of the models that it began with, the newest first."""
    now: ModelVersion | None = model
    while now is not None:
        training = session.get_one(Handoff, now.handoff_id)
        yield session.get_one(Batch, training.batch_id)
        now = session.get(ModelVersion, training.model_id) if training.model_id else None


def _changed_sides(session: Session, *, trained: Batch, tested: Batch) -> bool:
    """Whether a patient is on the train side of the one batch and on the test side of the other."""
    project = trained.project
    if project != tested.project or trained.test_percent >= tested.test_percent:
        return False
    return any(
        split_of(project, patient, trained.test_percent) == "train"
        and split_of(project, patient, tested.test_percent) == "test"
        for patient in _patients(session, trained) & _patients(session, tested)
    )


def _patients(session: Session, batch: Batch) -> set[str]:
    chosen = select(Study.patient).join(BatchStudy, BatchStudy.study_id == Study.id)
    return set(session.scalars(chosen.where(BatchStudy.batch_id == batch.id).distinct()))
