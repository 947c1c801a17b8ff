"""Train a U-Net on the train side of a prepared batch.

Each step takes two crops of two patients, the first about a lesion, the second about a lesion or anywhere, so that the
network sees both what it must find and what looks the same elsewhere. A crop is wide enough for organs of both sides.
Nothing is mirrored, for a mirrored patient is another task.

Labels are parts of voxels, not yes or no, so that a mask read back on the series' own slices is not too small.
Loss: soft Dice (Milletari et al. 2016, arXiv:1606.04797) plus cross-entropy with lesions weighted threefold.
"""

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ml.datasets.batch import load_batch
from ml.datasets.cases import Case, cases_of, check_split
from ml.errors import EmptyBatchError
from ml.inference.inputs import input_channels
from ml.models.checkpoint import save_model
from ml.models.device import best_device, require_devices
from ml.models.unet import UNet3D, UNetShape, parameter_count
from ml.preprocessing.spec import Spec, load_spec
from ml.recipes.outcome import begin, write_report

MODEL_FILE = "model/unet.pt"
CROP = (24, 40, 64)
"""Voxels towards head, back and left: at 3.5 mm 84 x 140 x 224 mm."""
BATCH = 2
LESION_SHARE = 2 / 3
LESION_WEIGHT = 4.0
DENSITY_JITTER = 0.03
PEAK_LEARNING_RATE = 3e-3
THRESHOLD = 0.5
LOSS_WINDOW = 25
"""Steps whose mean loss is one figure of the report."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One training volume: inputs `(3, i, j, k)`, label `(i, j, k)` from 0 to 1, and its lesions' voxels, `(n, 3)`."""

    inputs: Tensor
    label: Tensor
    lesions: np.ndarray[tuple[int, int], np.dtype[np.int64]]


def fit(batch_uri: str, result_uri: str, spec_name: str, steps: int, seed: int) -> None:
    """Train and leave the model and a report of the losses below `result_uri`.

    Args:
        batch_uri: A prepared batch; only volumes of the train side with an annotation are seen.
        result_uri: Where the model goes.
        spec_name: The spec that the volumes must have been prepared with.
        steps: Steps of the optimiser; their number, not passes over the data, decides how long it takes.
        seed: Of weights and crops.

    Raises:
        BatchError, SpecError, LabelError: The batch is not what training needs.
        EmptyBatchError: No annotated volume on the train side.
        DeviceError: The accelerators that were asked for are not there.
    """
    require_devices()
    spec = load_spec(spec_name)
    batch = load_batch(batch_uri)
    check_split(batch.volumes)
    samples = [sample_of(case, spec) for case in cases_of(batch, spec, split="train") if case.truth is not None]
    if not samples:
        raise EmptyBatchError("the batch has no annotated volume to train on.")
    with begin(result_uri) as folder:
        started = time.monotonic()
        network, losses = train(samples, steps, seed, best_device())
        save_model(folder / MODEL_FILE, network, spec, THRESHOLD)
        windows = range(0, steps, LOSS_WINDOW)
        write_report(
            folder,
            {
                "training_volumes": len(samples),
                "device": best_device().type,
                "steps": steps,
                "seed": seed,
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


def train(samples: list[Sample], steps: int, seed: int, device: torch.device) -> tuple[UNet3D, list[float]]:
    """Fit a new network; the same samples, steps and seed give the same network on the same CPU.

    Returns:
        The network on the CPU in evaluation mode, and the loss of each step.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    # This order of memory is three times as fast on a CPU.
    network = UNet3D(UNetShape()).to(device).to(memory_format=torch.channels_last_3d)
    optimiser = torch.optim.AdamW(network.parameters(), lr=PEAK_LEARNING_RATE, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, PEAK_LEARNING_RATE, total_steps=steps + 1, pct_start=0.2)
    losses = []
    for _ in range(steps):
        inputs, labels = draw(samples, random)
        losses.append(step(network, optimiser, inputs.to(device), labels.to(device)))
        schedule.step()
    return network.eval().cpu(), losses


def step(network: UNet3D, optimiser: torch.optim.Optimizer, inputs: Tensor, labels: Tensor) -> float:
    """One step of the optimiser; returns the loss before it. On CUDA convolutions run in bfloat16."""
    with torch.autocast(inputs.device.type, dtype=torch.bfloat16, enabled=inputs.device.type == "cuda"):
        logits = network(inputs)
    loss = loss_of(logits.float(), labels)
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return loss.item()


def draw(samples: list[Sample], random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Two crops of two volumes, the first always about a lesion: inputs `(2, 3, ...)` and labels `(2, 1, ...)`."""
    chosen = random.choice(len(samples), size=BATCH, replace=len(samples) < BATCH)
    crops = [crop(samples[index], random, place == 0) for place, index in enumerate(chosen)]
    inputs = torch.stack([pixels for pixels, _ in crops]).contiguous(memory_format=torch.channels_last_3d)
    return inputs, torch.stack([label for _, label in crops])[:, None]


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


def loss_of(logits: Tensor, labels: Tensor) -> Tensor:
    """Soft Dice over all crops together plus weighted cross-entropy."""
    probability = torch.sigmoid(logits)
    overlap = 2 * (probability * labels).sum() + 1
    dice = 1 - overlap / (probability.sum() + labels.sum() + 1)
    weight = torch.tensor(LESION_WEIGHT, device=logits.device)
    return dice + functional.binary_cross_entropy_with_logits(logits, labels, pos_weight=weight)
