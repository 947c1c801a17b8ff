"""Where a network computes: a CUDA device where there is one, else the CPU."""

import torch


def best_device() -> torch.device:
    """The first CUDA device, or the CPU; the result is meant to be the same within rounding."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
