"""A small 3D U-Net (Çiçek et al. 2016, arXiv:1606.06650) that sees a whole body and runs on a CPU.

Four halvings make a voxel of the deepest level 56 mm wide at 3.5 mm spacing, so each output voxel knows which organs
lie round it. Two input channels say where in the body a voxel lies (`ml.preprocessing.body`).
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

INPUT_CHANNELS = 3
"""Normalised density, place towards the back, place towards the patient's left."""


@dataclass(frozen=True, slots=True)
class UNetShape:
    """What rebuilds the network that weights belong to.

    Attributes:
        channels: Feature channels of each level, the finest first; each level halves the grid.
    """

    channels: tuple[int, ...] = (8, 16, 24, 32, 48)


class Stage(nn.Module):
    """Convolution 3 x 3 x 3, group normalisation, ReLU; twice where `depth` is 2."""

    def __init__(self, inputs: int, outputs: int, depth: int = 2) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index in range(depth):
            layers += [
                nn.Conv3d(inputs if index == 0 else outputs, outputs, 3, padding=1, bias=False),
                nn.GroupNorm(max(1, outputs // 8), outputs),
                nn.ReLU(inplace=True),
            ]
        self.layers = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        """Keep the grid, change the channels."""
        result: Tensor = self.layers(features)
        return result


class UNet3D(nn.Module):
    """Encoder and decoder with skips; any grid size goes in and the same comes out."""

    def __init__(self, shape: UNetShape) -> None:
        super().__init__()
        self.shape = shape
        channels = shape.channels
        self.first = Stage(INPUT_CHANNELS, channels[0], depth=1)
        self.down = nn.ModuleList(Stage(finer, coarser) for finer, coarser in pairwise(channels))
        self.up = nn.ModuleList(Stage(finer + coarser, finer, depth=1) for finer, coarser in pairwise(channels))
        self.last = nn.Conv3d(channels[0], 1, 1)
        # Lesions are rare: beginning at 2 % instead of one half saves the first hundred steps.
        nn.init.constant_(self.last.bias, -4.0)  # type: ignore[arg-type]

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits `(batch, 1, i, j, k)` for inputs `(batch, 3, i, j, k)`."""
        features = self.first(inputs)
        skips = []
        for stage in self.down:
            skips.append(features)
            features = stage(functional.max_pool3d(features, 2, ceil_mode=True))
        for stage, skip in zip(reversed(self.up), reversed(skips), strict=True):
            # Sizes that do not halve evenly are rounded up on the way down; the skip says what to come back to.
            widened = functional.interpolate(features, size=skip.shape[2:], mode="trilinear", align_corners=False)
            features = stage(torch.cat([skip, widened], dim=1))
        result: Tensor = self.last(features)
        return result


def parameter_count(network: nn.Module) -> int:
    """How many weights a network has."""
    return sum(parameter.numel() for parameter in network.parameters())
