"""Train a U-Net on the train side of a prepared batch.

Each step takes two crops of two patients, the first about a lesion, the second about a lesion or anywhere, so that the
network sees both what it must find and what looks the same elsewhere. A crop is wide enough for organs of both sides.
Nothing is mirrored, for a mirrored patient is another task.

Labels are parts of voxels, not yes or no, so that a mask read back on the series' own slices is not too small.
Loss: soft Dice (Milletari et al. 2016, arXiv:1606.04797) plus cross-entropy with lesions weighted threefold.

Who begins with the weights of a model that is good already takes smaller steps, or the first ones would undo it.

A target that asks for several processes gets each step's crops shared by them (`ml.recipes.ranks`).
"""

import json
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ml.datasets.batch import load_batch
from ml.datasets.cases import Case, cases_of, check_split
from ml.errors import EmptyBatchError
from ml.files import opened
from ml.inference.inputs import input_channels
from ml.models.checkpoint import load_model, save_model
from ml.models.device import best_device, require_devices
from ml.models.unet import UNet3D, UNetShape, parameter_count
from ml.preprocessing.spec import Spec, load_spec
from ml.recipes.outcome import begin, write_report
from ml.recipes.ranks import ALONE, Ranks, is_rank, joined, processes_asked, run_ranks

MODEL_FILE = "model/unet.pt"
CROP = (24, 40, 64)
"""Voxels towards head, back and left: at 3.5 mm 84 x 140 x 224 mm."""
BATCH = 2
LESION_SHARE = 2 / 3
LESION_WEIGHT = 4.0
DENSITY_JITTER = 0.03
PEAK_LEARNING_RATE = 3e-3
PEAK_OF_RETRAINING = 1e-3
THRESHOLD = 0.5
LOSS_WINDOW = 25
"""Steps whose mean loss is one figure of the report."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One training volume: inputs `(3, i, j, k)`, label `(i, j, k)` from 0 to 1, and its lesions' voxels, `(n, 3)`."""

    inputs: Tensor
    label: Tensor
    lesions: np.ndarray[tuple[int, int], np.dtype[np.int64]]


def fit(  # noqa: PLR0917 - the arguments are those of the pipeline's step
    batch_uri: str, result_uri: str, spec_name: str, steps: int, seed: int, model_uri: str | None = None
) -> None:
    """Train and leave the model and a report of the losses below `result_uri`.

    Args:
        batch_uri: A prepared batch; only volumes of the train side with an annotation are seen.
        result_uri: Where the model goes.
        spec_name: The spec that the volumes must have been prepared with.
        steps: Steps of the optimiser; their number, not passes over the data, decides how long it takes.
        seed: Of weights and crops.
        model_uri: The model whose weights it begins with; None for new ones.

    Raises:
        BatchError, SpecError, LabelError: The batch is not what training needs.
        EmptyBatchError: No annotated volume on the train side.
        ModelError: The model to begin with was trained on volumes of another spec.
        DeviceError: The accelerators that were asked for are not there, or one of several processes failed.
    """
    processes = processes_asked()
    if processes > 1 and not is_rank():
        given = {"batch_uri": batch_uri, "result_uri": result_uri, "spec_name": spec_name, "steps": steps, "seed": seed}
        given["model_uri"] = model_uri
        run_ranks("ml.recipes.train", given, processes)
        return
    require_devices()
    spec = load_spec(spec_name)
    batch = load_batch(batch_uri)
    check_split(batch.volumes)
    begun = None if model_uri is None else load_model(opened(model_uri), spec)[0]
    samples = [sample_of(case, spec) for case in cases_of(batch, spec, split="train") if case.truth is not None]
    if not samples:
        raise EmptyBatchError("the batch has no annotated volume to train on.")
    with joined() as ranks, begin(result_uri) if ranks.first else nullcontext() as folder:
        started = time.monotonic()
        network, losses = train(samples, steps, seed, best_device(), ranks, begun)
        if folder is None:
            return
        save_model(folder / MODEL_FILE, network, spec, THRESHOLD)
        windows = range(0, steps, LOSS_WINDOW)
        write_report(
            folder,
            {
                "training_volumes": len(samples),
                "device": best_device().type,
                "processes": ranks.processes,
                "steps": steps,
                "seed": seed,
                "retrained": begun is not None,
                "parameters": parameter_count(network),
                "seconds": round(time.monotonic() - started, 1),
                "losses": [round(float(np.mean(losses[at : at + LOSS_WINDOW])), 4) for at in windows],
                "spec_digest": spec.digest,
            },
        )


def sample_of(case: Case, spec: Spec) -> Sample:
    """Inputs and label of a case, padded where the volume is smaller than a crop."""
    inputs, label = input_channels(case.volume, spec), torch.from_numpy(case.label())
    missing = [max(0, crop - size) for crop, size in zip(CROP, label.shape, strict=True)]
    padding = [0, missing[2], 0, missing[1], 0, missing[0]]
    padded = functional.pad(label, padding)
    return Sample(functional.pad(inputs, padding, value=-1.0), padded, np.argwhere(padded.numpy() >= 0.5))


def train(  # noqa: PLR0917 - as many as a training has
    samples: list[Sample],
    steps: int,
    seed: int,
    device: torch.device,
    ranks: Ranks = ALONE,
    begun: UNet3D | None = None,
) -> tuple[UNet3D, list[float]]:
    """Fit a network, a new one unless one is given; the same of all gives the same network on the same CPU.

    With more processes than crops in a step, a step takes a crop for each process; else their number does not matter.

    Returns:
        The network on the CPU in evaluation mode, and the loss of each step.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    # This order of memory is three times as fast on a CPU.
    network = (UNet3D(UNetShape()) if begun is None else begun.train()).to(device)
    network = network.to(memory_format=torch.channels_last_3d)
    peak = PEAK_LEARNING_RATE if begun is None else PEAK_OF_RETRAINING
    wrapped = ranks.wrapped(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=peak, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, peak, total_steps=steps + 1, pct_start=0.2)
    losses = []
    for _ in range(steps):
        inputs, labels = draw(samples, random, ranks)
        losses.append(step(wrapped, optimiser, inputs.to(device), labels.to(device), ranks))
        schedule.step()
    return network.eval().cpu(), losses


def step(
    network: nn.Module, optimiser: torch.optim.Optimizer, inputs: Tensor, labels: Tensor, ranks: Ranks = ALONE
) -> float:
    """One step of the optimiser; returns the loss before it. On CUDA convolutions run in bfloat16."""
    with torch.autocast(inputs.device.type, dtype=torch.bfloat16, enabled=inputs.device.type == "cuda"):
        logits = network(inputs)
    loss = loss_of(logits.float(), labels, ranks)
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return float(ranks.total(loss.detach())) / ranks.processes


def draw(samples: list[Sample], random: np.random.Generator, ranks: Ranks = ALONE) -> tuple[Tensor, Tensor]:
    """This process' share of a step's crops, the first of all always about a lesion.

    Returns:
        Inputs `(n, 3, ...)` and labels `(n, 1, ...)`; n is 2 for a process alone. All draw the same, or they would see
        other crops than one process does.
    """
    size = max(BATCH, ranks.processes)
    chosen = random.choice(len(samples), size=size, replace=len(samples) < size)
    crops = [crop(samples[index], random, place == 0) for place, index in enumerate(chosen)]
    mine = crops[ranks.rank :: ranks.processes]
    inputs = torch.stack([pixels for pixels, _ in mine]).contiguous(memory_format=torch.channels_last_3d)
    return inputs, torch.stack([label for _, label in mine])[:, None]


def crop(sample: Sample, random: np.random.Generator, on_lesion: bool) -> tuple[Tensor, Tensor]:
    """One crop, its density shifted a little as between scanners."""
    shape = sample.label.shape
    if len(sample.lesions) and (on_lesion or random.random() < LESION_SHARE):
        centre = sample.lesions[random.integers(len(sample.lesions))]
    else:
        centre = np.array([random.integers(size) for size in shape])
    # The lesion lies anywhere in the middle half of the crop.
    jitter = [random.integers(-size // 4, size // 4 + 1) for size in CROP]
    starts = np.clip(centre + jitter - np.array(CROP) // 2, 0, np.array(shape) - CROP)
    i, j, k = (slice(start, start + size) for start, size in zip(starts.tolist(), CROP, strict=True))
    inputs = sample.inputs[:, i, j, k].clone()
    inputs[0] += float(random.normal(0, DENSITY_JITTER))
    return inputs, sample.label[i, j, k]


def loss_of(logits: Tensor, labels: Tensor, ranks: Ranks = ALONE) -> Tensor:
    """Soft Dice over all crops of a step together, plus weighted cross-entropy of this process' crops."""
    probability = torch.sigmoid(logits)
    overlap, found, true = ranks.total(torch.stack([(probability * labels).sum(), probability.sum(), labels.sum()]))
    dice = 1 - (2 * overlap + 1) / (found + true + 1)
    weight = torch.tensor(LESION_WEIGHT, device=logits.device)
    loss: Tensor = dice + functional.binary_cross_entropy_with_logits(logits, labels, pos_weight=weight)
    return loss


if __name__ == "__main__":
    fit(**json.loads(sys.argv[1]))
