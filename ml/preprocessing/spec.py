"""The preparing spec: the whole transformation from series to model input as data, with one digest.

The digest covers the data and the implementation's version. A batch and a model both carry it, so training and
inference cannot see different transformations; a golden-vector test fails when the output changes under an old version.
"""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
import numpy.typing as npt
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from handoff.contract.canonical import canonical_digest
from ml.errors import SpecError

IMPLEMENTATION_VERSION: Final = 1
"""Raise it whenever the same series and spec would give another volume or another model input."""

SPECS = Path(__file__).parent / "specs"
DEFAULT_SPEC = "ct-body"

Millimetres = Annotated[float, Field(gt=0, le=100)]


class Spec(BaseModel):
    """What is done to a series before a network sees it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_: Literal["sluice.spec/1"] = Field("sluice.spec/1", alias="schema")
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    implementation: int = Field(
        IMPLEMENTATION_VERSION, description="Version of the code that this spec was written for."
    )
    modality: Literal["CT"] = Field(
        "CT", description="Values are Hounsfield units, so other modalities are turned away."
    )
    spacing_mm: tuple[Millimetres, Millimetres, Millimetres] | None = Field(
        None,
        description="Voxel spacing towards head, back and left; none keeps the series' own.",
    )
    minimum_slices: int = Field(3, ge=2)
    hu_window: tuple[int, int] = Field((-1000, 1000), description="HU that become -1 and 1 in the model's input.")
    body_hu: int = Field(-300, ge=-1000, le=1000, description="Voxels above it are body when its extent is measured.")

    @model_validator(mode="after")
    def _window_has_width(self) -> "Spec":
        if self.hu_window[0] >= self.hu_window[1]:
            raise ValueError("the HU window has no width")
        return self

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of all fields, hex."""
        return canonical_digest(self.model_dump(mode="json", by_alias=True))

    def normalise(self, hounsfield: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
        """Clip HU to the window and scale it to [-1, 1]; any shape."""
        low, high = self.hu_window
        clipped = np.clip(hounsfield.astype(np.float32), low, high)
        scaled: npt.NDArray[np.float32] = (clipped - low) * np.float32(2 / (high - low)) - np.float32(1)
        return scaled


def load_spec(name: str = DEFAULT_SPEC) -> Spec:
    """Read a spec by its name from `specs/`.

    Raises:
        SpecError: There is none of this name, it is malformed, or it was written for another implementation.
    """
    path = SPECS / f"{name}.yaml"
    if path.parent != SPECS or not path.is_file():
        raise SpecError("there is no preprocessing spec of this name.")
    return parse_spec(path.read_text(encoding="utf-8"))


def parse_spec(text: str) -> Spec:
    """Parse a spec from YAML (or JSON).

    Raises:
        SpecError: It is malformed, or it was written for another implementation.
    """
    try:
        spec = Spec.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as error:
        raise SpecError("the preprocessing spec is malformed.") from error
    if spec.implementation != IMPLEMENTATION_VERSION:
        raise SpecError(f"the spec is for implementation {spec.implementation}, this is {IMPLEMENTATION_VERSION}.")
    return spec
