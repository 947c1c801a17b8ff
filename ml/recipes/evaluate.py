"""A model on the test side of a batch, beside the best threshold: the one just trained, or one that is registered.

Dice is measured on the slices as they were scanned, not on the resampled grid. Where the batch of a training has no
annotated test volume, the model is measured on its own training volumes, and the metric says so by its name. A
registered model is measured on the test side or not at all: its figures are compared with those of others.
"""

import numpy as np

from handoff.contract.result import RunKind, TrainedModel
from ml.datasets.batch import load_batch
from ml.datasets.cases import Case, cases_of
from ml.errors import EmptyBatchError
from ml.evaluation.baseline import Judged, best_threshold
from ml.evaluation.dice import dice
from ml.files import opened, result_folder
from ml.inference.predict import predict_mask
from ml.models.checkpoint import load_model
from ml.models.device import best_device, require_devices
from ml.models.unet import UNet3D
from ml.preprocessing.spec import Spec, load_spec
from ml.recipes.outcome import Outcome, begin, publish, require_unpublished, write_outcome, write_report
from ml.recipes.train import MODEL_FILE

MODEL_NAME = "lesion-unet"


def evaluate_and_publish(
    batch_uri: str, handoff_key: str, result_uri: str, spec_name: str, *, retrained: bool = False
) -> None:
    """Judge the model that `ml.recipes.train.fit` left below `result_uri`, then write the result of the training.

    Args:
        batch_uri: The batch that it was trained on.
        handoff_key: Repeated in the result.
        result_uri: Where the model is, and the result goes.
        spec_name: The spec that the volumes must have been prepared with.
        retrained: Whether it began with the weights of another.

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
        network, threshold = load_model(folder / MODEL_FILE, spec)
        metrics = measure(network, threshold, test or annotated, spec, side)
        metrics["train_volumes"] = float(len(annotated) - len(test))
        kind: RunKind = "retrain" if retrained else "train"
        model = TrainedModel(name=MODEL_NAME, file=MODEL_FILE, metrics=metrics)
        write_outcome(folder, Outcome(kind=kind, spec_digest=spec.digest, metrics=metrics, model=model))
    publish(result_uri, handoff_key)


def judge(batch_uri: str, result_uri: str, model_uri: str, spec_name: str) -> None:
    """Judge a registered model on the annotated volumes of a batch's test side.

    Raises:
        BatchError, SpecError: The batch is not prepared, or prepared with another spec.
        ModelError: The model was trained on volumes of another spec.
        EmptyBatchError: No annotated volume on the test side.
        DeviceError: The accelerators that were asked for are not there.
    """
    require_devices()
    spec = load_spec(spec_name)
    network, threshold = load_model(opened(model_uri), spec)
    network.to(best_device())
    cases = [case for case in cases_of(load_batch(batch_uri), spec, split="test") if case.truth is not None]
    if not cases:
        raise EmptyBatchError("the batch has no annotated volume on its test side.")
    with begin(result_uri) as folder:
        metrics = measure(network, threshold, cases, spec, "test")
        write_report(folder, {"spec_digest": spec.digest, "series": [case.line.series for case in cases], **metrics})
        write_outcome(folder, Outcome(kind="evaluate", spec_digest=spec.digest, metrics=metrics))


def measure(network: UNet3D, threshold: float, cases: list[Case], spec: Spec, side: str) -> dict[str, float]:
    """Mean Dice of a model and of the best threshold over some annotated cases."""
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
