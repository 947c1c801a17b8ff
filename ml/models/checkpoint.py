"""A model on disk: weights, the network's shape, and the spec that it was trained on.

Only tensors and plain values are stored and `weights_only` loading is used, so a model file cannot run code.
"""

import pickle
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from ml.errors import ModelError
from ml.models.unet import UNet3D, UNetShape
from ml.preprocessing.spec import Spec

SCHEMA = "sluice.model/1"


def save_model(path: Path, network: UNet3D, spec: Spec, threshold: float) -> None:
    """Write a model by a temporary name and a rename."""
    content = {
        "schema": SCHEMA,
        "channels": list(network.shape.channels),
        "spec_digest": spec.digest,
        "threshold": threshold,
        "weights": network.state_dict(),
    }
    # Through memory: torch writes the name of the file that it is given into the archive.
    buffer = BytesIO()
    torch.save(content, buffer)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.part")
    temporary.write_bytes(buffer.getvalue())
    temporary.replace(path)


def load_model(file: Path | BytesIO, spec: Spec) -> tuple[UNet3D, float]:
    """Read a model and the probability from which it says yes.

    Raises:
        ModelError: The file is no model of ours, or it was trained on volumes of another spec.
    """
    try:
        content: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        schema, digest = content["schema"], content["spec_digest"]
    except (OSError, RuntimeError, KeyError, TypeError, EOFError, pickle.UnpicklingError) as error:
        raise ModelError("the model file cannot be read as a model.") from error
    if schema != SCHEMA:
        raise ModelError("the model file is of another kind.")
    if digest != spec.digest:
        raise ModelError("the model was trained on volumes of another spec.")
    network = UNet3D(UNetShape(tuple(content["channels"])))
    network.load_state_dict(content["weights"])
    network.eval()
    return network, float(content["threshold"])
