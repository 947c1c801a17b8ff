"""Where a network computes: a CUDA device where there is one, else the CPU."""

import os

import torch

from handoff.contract.environment import EXPECTED_GPUS
from ml.errors import DeviceError


def best_device() -> torch.device:
    """The first CUDA device, or the CPU; the result is meant to be the same within rounding."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def require_devices() -> None:
    """Refuse to go on without the accelerators that were asked for: a cluster may forget them without a word.

    Raises:
        DeviceError: fewer are there than the target asked for, or it asked for no number.
    """
    asked = os.environ.get(EXPECTED_GPUS, "0")
    found = torch.cuda.device_count()
    if not asked.isdecimal() or found < int(asked):
        message = f"the step was to get {asked} accelerators and sees {found}."
        raise DeviceError(message)
