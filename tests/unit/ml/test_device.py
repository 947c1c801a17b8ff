"""A step goes on only with the accelerators that its target asked for."""

import pytest
import torch

from handoff.contract.environment import EXPECTED_GPUS
from ml.errors import DeviceError
from ml.models.device import require_devices
from ml.recipes.infer import predict
from ml.recipes.train import fit


@pytest.fixture
def two_devices(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.mark.parametrize("asked", [None, "0", "1", "2"])
def test_enough_accelerators_are_enough(monkeypatch, two_devices, asked):
    monkeypatch.delenv(EXPECTED_GPUS, raising=False)
    if asked is not None:
        monkeypatch.setenv(EXPECTED_GPUS, asked)
    require_devices()


@pytest.mark.parametrize("asked", ["3", "", "all", "-1"])
def test_too_few_or_a_number_that_is_none_ends_the_step(monkeypatch, two_devices, asked):
    monkeypatch.setenv(EXPECTED_GPUS, asked)
    with pytest.raises(DeviceError):
        require_devices()


def test_the_steps_that_compute_look_before_they_read_anything(monkeypatch, two_devices):
    monkeypatch.setenv(EXPECTED_GPUS, "8")
    with pytest.raises(DeviceError):
        fit("file:///nowhere", "file:///nowhere", "no-spec", 1, 1)
    with pytest.raises(DeviceError):
        predict("file:///nowhere", "k", "file:///nowhere", "file:///nowhere", "no-spec")
