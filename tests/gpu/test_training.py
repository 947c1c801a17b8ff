"""What a GPU computes is what the CPU computes, and it is worth having."""

import time

import numpy as np
import pytest
import torch

from ml.models.unet import UNet3D, UNetShape
from ml.preprocessing.spec import Spec
from ml.recipes.train import BATCH, CROP, PEAK_LEARNING_RATE, sample_of, step, train
from tests.unit.ml.test_model import body_case

pytestmark = pytest.mark.gpu

CUDA, CPU = torch.device("cuda"), torch.device("cpu")


@pytest.fixture
def tensors() -> tuple[torch.Tensor, torch.Tensor]:
    """One batch as training draws it."""
    torch.manual_seed(0)
    return torch.randn(BATCH, 3, *CROP), (torch.rand(BATCH, 1, *CROP) > 0.98).float()


def test_cuda_and_cpu_give_the_same_probabilities(tensors: tuple[torch.Tensor, torch.Tensor]) -> None:
    torch.backends.cudnn.allow_tf32 = False
    network = UNet3D(UNetShape()).eval()
    with torch.inference_mode():
        on_cpu = torch.sigmoid(network(tensors[0]))
        on_cuda = torch.sigmoid(network.to(CUDA)(tensors[0].to(CUDA))).cpu()
    assert torch.allclose(on_cpu, on_cuda, atol=1e-4)


def test_a_step_in_mixed_precision_lowers_the_loss_as_on_the_cpu(tensors: tuple[torch.Tensor, torch.Tensor]) -> None:
    falls = {}
    for device in (CPU, CUDA):
        torch.manual_seed(1)
        network = UNet3D(UNetShape()).to(device)
        optimiser = torch.optim.AdamW(network.parameters(), lr=PEAK_LEARNING_RATE)
        losses = [step(network, optimiser, tensors[0].to(device), tensors[1].to(device)) for _ in range(5)]
        assert np.isfinite(losses).all()
        falls[device.type] = (losses[0], losses[-1])
    assert falls["cuda"][0] == pytest.approx(falls["cpu"][0], rel=0.02)
    assert falls["cuda"][1] < falls["cuda"][0]


def test_training_on_a_gpu_is_at_least_five_times_as_fast_as_on_the_cpu(
    tensors: tuple[torch.Tensor, torch.Tensor],
) -> None:
    seconds = {}
    for device, steps in ((CPU, 3), (CUDA, 50)):
        network = UNet3D(UNetShape()).to(device).to(memory_format=torch.channels_last_3d)
        optimiser = torch.optim.AdamW(network.parameters(), lr=PEAK_LEARNING_RATE)
        batch = [tensor.to(device) for tensor in tensors]
        step(network, optimiser, *batch)
        started = time.perf_counter()
        for _ in range(steps):
            step(network, optimiser, *batch)
        seconds[device.type] = (time.perf_counter() - started) / steps
    print(f"train-step-seconds cpu {seconds['cpu']:.4f} cuda {seconds['cuda']:.4f}")
    assert seconds["cpu"] > 5 * seconds["cuda"]


def test_a_model_trained_on_a_gpu_is_kept_for_any_machine() -> None:
    network, losses = train([sample_of(body_case(1), Spec(name="native"))], steps=3, seed=1, device=CUDA)
    assert {parameter.device.type for parameter in network.parameters()} == {"cpu"}
    assert np.isfinite(losses).all()
