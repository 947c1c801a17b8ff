"""A profile: which options of PS3.15 E.3 hold and which attributes pass, as data with a name, a version and a digest."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field


class Profile(BaseModel):
    """What a profile file says; compiled once by the engine."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(description="What people call it.")
    version: int = Field(ge=1, description="Rises with every change.")

    @classmethod
    def load(cls, name: str | Path) -> Self:
        """A shipped profile by name, or a YAML file by path."""
        raise NotImplementedError

    @property
    def digest(self) -> str:
        """SHA-256 of the profile's canonical JSON, in hex."""
        raise NotImplementedError
