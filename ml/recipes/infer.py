"""DICOM SEG of every volume of a prepared batch.

Steps: 1 refuse a model of another spec; 2 predict on the slices as they were scanned; 3 read the source instances that
the volume names; 4 write a SEG that references them.

The pipeline's step and the model server do the same here; the server only has the model loaded already.
"""

from collections.abc import Callable
from pathlib import Path

from handoff.contract.batch import InstanceLine
from ml.datasets.batch import Batch, load_batch, read_datasets
from ml.datasets.cases import Case, cases_of
from ml.errors import BatchError
from ml.files import opened
from ml.inference.predict import predict_mask
from ml.inference.segmentation import part10_bytes, segmentation_of
from ml.models.checkpoint import load_model
from ml.models.device import best_device, require_devices
from ml.models.unet import UNet3D
from ml.preprocessing.labels import Mask
from ml.preprocessing.spec import Spec, load_spec
from ml.recipes.evaluate import MODEL_NAME
from ml.recipes.outcome import Outcome, begin, write_outcome, write_report


def predict(batch_uri: str, handoff_key: str, result_uri: str, model_uri: str, spec_name: str) -> None:
    """Write one SEG for each volume of the batch.

    Raises:
        BatchError, SpecError: The batch is not prepared, or prepared with another spec.
        ModelError: The model was trained on volumes of another spec.
        DeviceError: The accelerators that were asked for are not there.
    """
    require_devices()
    spec = load_spec(spec_name)
    batch = load_batch(batch_uri)
    network, threshold = load_model(opened(model_uri), spec)  # 1
    network.to(best_device())
    segment_batch(network, threshold, spec, batch, handoff_key=handoff_key, result_uri=result_uri)


def segment_batch(
    network: UNet3D,
    threshold: float,
    spec: Spec,
    batch: Batch,
    *,
    handoff_key: str,
    result_uri: str,
    go_on: Callable[[], None] = lambda: None,
) -> None:
    """Write one SEG for each volume of the batch by a model that is loaded.

    Args:
        network: In evaluation mode, on the device that computes.
        threshold: Probability from which a voxel is lesion.
        spec: The model's, checked when it was loaded.
        batch: A prepared batch.
        handoff_key: What makes the new UIDs.
        result_uri: Where the objects go.
        go_on: Called before each volume; what it raises ends the run.

    Raises:
        BatchError, SpecError: The batch is not prepared, or prepared with another spec.
    """
    with begin(result_uri) as folder:
        images = {line.sop_instance_uid: line for line in batch.images}
        found = []
        for case in cases_of(batch, spec):
            go_on()
            mask = predict_mask(network, case.volume, spec, threshold)  # 2
            uid = _write(case, mask, images, folder, handoff_key)
            millilitres = float(mask.sum()) * _voxel_ml(case)
            found.append({"series": case.line.series, "segmentation": uid, "lesion_ml": round(millilitres, 3)})
        write_report(folder, {"spec_digest": spec.digest, "segmentations": found})
        metrics = {"segmentations": float(len(found)), "empty": float(sum(entry["lesion_ml"] == 0 for entry in found))}
        write_outcome(folder, Outcome(kind="infer", spec_digest=spec.digest, metrics=metrics))


def _write(case: Case, mask: Mask, images: dict[str, InstanceLine], folder: Path, handoff_key: str) -> str:
    """Write the SEG of one case; returns its SOP Instance UID."""
    try:
        lines = [images[uid] for uid in case.volume.sop_instance_uids]
    except KeyError as error:
        raise BatchError("the batch lacks an instance that one of its volumes was made of.") from error
    read = {str(source.SOPInstanceUID): source for source in read_datasets(lines)}  # 3
    sources = [read[uid] for uid in case.volume.sop_instance_uids]
    segmentation = segmentation_of(mask, sources, handoff_key, MODEL_NAME)  # 4
    uid = str(segmentation.SOPInstanceUID)
    path = folder / "segmentations" / f"{uid}.dcm"
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(part10_bytes(segmentation))
    temporary.replace(path)
    return uid


def _voxel_ml(case: Case) -> float:
    i, j, k = case.volume.source.spacing
    return i * j * k / 1000
