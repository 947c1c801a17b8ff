"""The model that a server serves: loaded once, by path and digest."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from ml.errors import ModelError
from ml.models.checkpoint import load_model
from ml.models.device import best_device
from ml.models.unet import UNet3D
from ml.pipelines.registry import code_digest
from ml.preprocessing.spec import Spec, load_spec

MODEL_ID = re.compile(r"([a-z0-9][a-z0-9_-]{0,62}):([1-9][0-9]{0,8})")
"""A model version as the handoff names it: name:version."""


@dataclass(frozen=True, slots=True, eq=False)
class ServedModel:
    """A model that is ready, and what it says of itself.

    Attributes:
        id: The model version, as the handoff names it.
        sha256: Of the checkpoint, hex.
        code_digest: Of the code that runs it, as a pipeline version names it.
    """

    id: str
    sha256: str
    network: UNet3D
    threshold: float
    spec: Spec
    code_digest: str

    @property
    def name(self) -> str:
        """The part of the id before the version: the model's name in the protocol."""
        return self.id.partition(":")[0]

    @property
    def version(self) -> str:
        """The part of the id after the name."""
        return self.id.partition(":")[2]

    def card(self) -> dict[str, str]:
        """What every answer says of the model."""
        return {
            "model_id": self.id,
            "model_sha256": self.sha256,
            "spec": self.spec.name,
            "spec_digest": self.spec.digest,
            "code_digest": self.code_digest,
        }


def load_served(identifier: str, file: Path, sha256: str, spec_name: str) -> ServedModel:
    """Read the checkpoint, if it is the one that was meant.

    Raises:
        ModelError: its digest differs, it is no model of ours, or it was trained on volumes of another spec.
        SpecError: there is no such spec.
    """
    if not MODEL_ID.fullmatch(identifier):
        raise ModelError("a model version is named name:version, as GET /v1/models lists it.")
    try:
        with file.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelError("the model file cannot be read.") from error
    if found != sha256:
        raise ModelError("the model file is not the one that was registered: its digest differs.")
    spec = load_spec(spec_name)
    network, threshold = load_model(file, spec)
    return ServedModel(identifier, sha256, network.to(best_device()), threshold, spec, code_digest())
