"""The network's input channels of a volume, the same for training and inference."""

import numpy as np
import torch
from torch import Tensor

from ml.preprocessing.body import body_coordinates
from ml.preprocessing.spec import Spec
from ml.preprocessing.volume import Volume


def input_channels(volume: Volume, spec: Spec) -> Tensor:
    """Normalised density and the two body coordinates, float32, shape `(3, *volume.grid.shape)`."""
    density = spec.normalise(volume.hounsfield)[None]
    return torch.from_numpy(np.concatenate([density, body_coordinates(volume.hounsfield, spec.body_hu)]))
