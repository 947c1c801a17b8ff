"""Probabilities on the volume's grid, and the mask on the series' own slices."""

import numpy as np
import torch
from torch import Tensor

from ml.inference.inputs import input_channels
from ml.models.unet import UNet3D
from ml.preprocessing.labels import Mask
from ml.preprocessing.resample import resample
from ml.preprocessing.slices import FloatArray
from ml.preprocessing.spec import Spec
from ml.preprocessing.volume import Volume

SLAB = 128
"""Slices that are computed at a time; an ordinary chest or abdomen goes in whole."""
CONTEXT = 32
"""Slices on either side of a slab that only lend context."""
PROBABILITY_STEPS = 4096


def predict_mask(network: UNet3D, volume: Volume, spec: Spec, threshold: float) -> Mask:
    """What the network finds, on the slices that the patient was scanned in.

    Args:
        network: In evaluation mode.
        volume: Prepared with `spec`.
        spec: The spec of both, checked before.
        threshold: Probability from which a voxel is lesion.

    Returns:
        Shape `volume.source.shape`.
    """
    probability = probabilities(network, input_channels(volume, spec))
    return on_source(probability, volume) >= threshold


def on_source(probability: Tensor, volume: Volume) -> FloatArray:
    """Probabilities read at the voxel centres of the series; shape `volume.source.shape`."""
    steps = np.rint(probability.numpy() * PROBABILITY_STEPS).astype(np.int16)
    return resample(steps, volume.grid, volume.source) / PROBABILITY_STEPS


def probabilities(network: UNet3D, inputs: Tensor) -> Tensor:
    """Probabilities `(i, j, k)` for inputs `(3, i, j, k)`, slab by slab along the first axis."""
    size = inputs.shape[1]
    device = next(network.parameters()).device
    slabs = []
    with torch.inference_mode():
        for start in range(0, size, SLAB):
            low, high = max(0, start - CONTEXT), min(size, start + SLAB + CONTEXT)
            piece = inputs[None, :, low:high].to(device).contiguous(memory_format=torch.channels_last_3d)
            logits = network(piece)[0, 0]
            slabs.append(torch.sigmoid(logits[start - low : min(size, start + SLAB) - low]).cpu())
    return torch.cat(slabs)
