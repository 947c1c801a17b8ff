"""The trained model on the test side of its batch, beside the best threshold.

Dice is measured on the slices as they were scanned, not on the resampled grid. Where the batch has no annotated test
volume, the model is measured on its own training volumes, and the metric says so by its name.
"""

from pathlib import Path

import numpy as np

from handoff.contract.result import TrainedModel
from ml.datasets.batch import load_batch
from ml.datasets.cases import Case, cases_of
from ml.evaluation.baseline import Judged, best_threshold
from ml.evaluation.dice import dice
from ml.files import result_folder
from ml.inference.predict import predict_mask
from ml.models.checkpoint import load_model
from ml.preprocessing.spec import Spec, load_spec
from ml.recipes.outcome import Outcome, publish, require_unpublished, write_outcome
from ml.recipes.train import MODEL_FILE

MODEL_NAME = "lesion-unet"


def evaluate_and_publish(batch_uri: str, handoff_key: str, result_uri: str, spec_name: str) -> None:
    """Judge the model that `ml.recipes.train.fit` left below `result_uri`, then write the result.

    Raises:
        ModelError: There is no model there, or it is of another spec.
    """
    spec = load_spec(spec_name)
    batch = load_batch(batch_uri)
    annotated = [case for case in cases_of(batch, spec) if case.truth is not None]
    test = [case for case in annotated if case.line.split == "test"]
    side = "test" if test else "train"
    with result_folder(result_uri) as folder:
        require_unpublished(folder)
        metrics = measure(folder / MODEL_FILE, test or annotated, spec, side)
        metrics["train_volumes"] = float(len(annotated) - len(test))
        model = TrainedModel(name=MODEL_NAME, file=MODEL_FILE, metrics=metrics)
        write_outcome(folder, Outcome(kind="train", spec_digest=spec.digest, metrics=metrics, model=model))
    publish(result_uri, handoff_key)


def measure(model: Path, cases: list[Case], spec: Spec, side: str) -> dict[str, float]:
    """Mean Dice of the model and of the best threshold over some annotated cases."""
    network, threshold = load_model(model, spec)
    scores = []
    judged = []
    for case in cases:
        assert case.truth is not None
        scores.append(dice(predict_mask(network, case.volume, spec, threshold), case.truth))
        voxel_ml = float(np.prod(case.volume.grid.spacing)) / 1000
        judged.append(Judged(case.volume.hounsfield, case.label() >= 0.5, voxel_ml))
    return {
        f"dice_{side}": float(np.mean(scores)),
        f"dice_{side}_worst": float(np.min(scores)),
        f"baseline_dice_{side}": best_threshold(judged).dice,
        f"{side}_volumes": float(len(cases)),
    }
