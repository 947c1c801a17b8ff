"""The network, its file, and what it is judged by."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ml.datasets.cases import Case
from ml.errors import ModelError
from ml.evaluation.baseline import Judged, best_threshold
from ml.evaluation.dice import dice
from ml.inference import predict
from ml.models.checkpoint import load_model, save_model
from ml.models.unet import UNet3D, UNetShape, parameter_count
from ml.preprocessing.spec import Spec
from ml.preprocessing.volume import volume_of
from ml.recipes.train import sample_of, train
from tests.unit.ml.builders import ct_series, small_body

NATIVE = Spec(name="native")
CPU = torch.device("cpu")
SMALL = UNetShape((8, 8))


@pytest.fixture(autouse=True)
def _one_thread():
    """Small networks wait for each other's threads longer than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("size", [(17, 19, 23), (1, 2, 3), (32, 16, 16)])
def test_any_grid_goes_in_and_the_same_comes_out(size: tuple[int, int, int]) -> None:
    assert UNet3D(UNetShape()).eval()(torch.zeros(1, 3, *size)).shape == (1, 1, *size)


def test_the_network_is_small() -> None:
    assert parameter_count(UNet3D(UNetShape())) < 400_000


def test_the_network_sees_across_the_body() -> None:
    """An input voxel 22 voxels (77 mm) away changes an output voxel."""
    torch.manual_seed(0)
    network = UNet3D(UNetShape()).eval()
    inputs = torch.randn(1, 3, 16, 16, 48, requires_grad=True)
    network(inputs)[0, 0, 8, 8, 40].backward()
    assert inputs.grad is not None
    assert inputs.grad[0, 0, :, :, :18].abs().sum() > 0


def test_a_model_reads_back_with_its_threshold_and_gives_the_same_output(tmp_path: Path) -> None:
    network = UNet3D(SMALL).eval()
    save_model(tmp_path / "m.pt", network, NATIVE, 0.4)
    again, threshold = load_model(tmp_path / "m.pt", NATIVE)
    inputs = torch.randn(1, 3, 8, 8, 8)
    assert torch.equal(again(inputs), network(inputs))
    assert threshold == 0.4


def test_the_same_model_is_the_same_file(tmp_path: Path) -> None:
    network = UNet3D(SMALL)
    save_model(tmp_path / "a.pt", network, NATIVE, 0.5)
    save_model(tmp_path / "b.pt", network, NATIVE, 0.5)
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "b.pt").read_bytes()


def test_a_model_of_another_spec_is_refused(tmp_path: Path) -> None:
    save_model(tmp_path / "m.pt", UNet3D(SMALL), NATIVE, 0.5)
    with pytest.raises(ModelError, match="another spec"):
        load_model(tmp_path / "m.pt", Spec(name="other"))


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m.pt").write_bytes(b"no model")
    with pytest.raises(ModelError):
        load_model(tmp_path / "m.pt", NATIVE)
    with pytest.raises(ModelError):
        load_model(tmp_path / "absent.pt", NATIVE)


def test_slabs_give_what_the_whole_volume_gives_away_from_their_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to group normalisation, whose statistics are the slab's: so slabs are far larger than bodies' organs."""
    torch.manual_seed(0)
    network = UNet3D(UNetShape((8,))).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.GroupNorm):
            module.forward = lambda features: features  # type: ignore[method-assign]
    inputs = torch.randn(3, 40, 8, 8)
    whole = predict.probabilities(network, inputs)
    monkeypatch.setattr(predict, "SLAB", 16)
    monkeypatch.setattr(predict, "CONTEXT", 4)
    assert torch.allclose(predict.probabilities(network, inputs), whole, atol=1e-5)


def test_training_with_the_same_seed_gives_the_same_network() -> None:
    samples = [sample_of(body_case(seed), NATIVE) for seed in (1, 2)]
    first, _ = train(samples, steps=1, seed=3, device=CPU)
    second, _ = train(samples, steps=1, seed=3, device=CPU)
    other, _ = train(samples, steps=1, seed=4, device=CPU)
    same = [torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)]
    assert all(same)
    assert not torch.equal(next(first.parameters()), next(other.parameters()))


def test_training_lowers_the_loss() -> None:
    _, losses = train([sample_of(body_case(1), NATIVE)], steps=20, seed=1, device=CPU)
    assert np.mean(losses[-4:]) < 0.95 * np.mean(losses[:4])


def body_case(seed: int) -> Case:
    values, truth = small_body(seed)
    return Case(None, volume_of(ct_series(values, spacing=(5.0, 5.0, 5.0)), NATIVE).volume, truth)  # type: ignore[arg-type]


def test_dice_of_known_masks() -> None:
    empty, half, full = np.zeros(8, bool), np.arange(8) < 4, np.ones(8, bool)
    assert dice(half, half) == 1
    assert dice(half, ~half) == 0
    assert dice(half, full) == pytest.approx(2 * 4 / (4 + 8))
    assert dice(empty, empty) == 1
    with pytest.raises(ValueError, match="shape"):
        dice(half, full[:4])


def judged(*boxes: tuple[slice, int, bool]) -> Judged:
    """Boxes of (slices along the first axis, HU, is lesion) in air."""
    values, truth = np.full((20, 4, 4), -1000, dtype=np.int16), np.zeros((20, 4, 4), dtype=bool)
    for where, density, lesion in boxes:
        values[where] = density
        truth[where] = lesion
    return Judged(values, truth, 0.1)


def test_the_baseline_solves_what_density_decides() -> None:
    assert best_threshold([judged((slice(2, 5), 60, True), (slice(8, 11), 400, False))]).dice == 1


def test_the_baseline_solves_what_component_size_decides() -> None:
    assert best_threshold([judged((slice(2, 5), 60, True), (slice(8, 19), 60, False))]).dice == 1


def test_the_baseline_cannot_tell_equal_blobs_apart() -> None:
    equal = judged((slice(2, 5), 60, True), (slice(8, 11), 60, False), (slice(14, 17), 60, False))
    assert best_threshold([equal]).dice == pytest.approx(2 * 3 / (9 + 3))
