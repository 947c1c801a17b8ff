"""What lies beside an object of a result, so that a lost ledger can be made anew: when it came, and how it ended.

`claim.json` is written last of what is kept, so that a folder that has it has all. `ended.json` is there once the PACS
has the object, or a person has ended it: it is never sent after that.
"""

from pathlib import Path
from typing import Final, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from processors.landing.durable import write_whole

CLAIM_FILE: Final = "claim.json"
RETURNED_FILE: Final = "returned.dcm"


class _Beside(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """What lies in a folder; None when there is nothing, or nothing that can be read."""
        try:
            return cls.model_validate_json((folder / cls.file()).read_bytes())
        except (OSError, ValidationError):
            return None

    def write(self, folder: Path) -> None:
        """Write it, durably."""
        write_whole(folder / self.file(), self.model_dump_json().encode())

    @classmethod
    def file(cls) -> str:
        """Its name, after that of the class."""
        return f"{cls.__name__.lower()}.json"


class Kept(_Beside):
    """An object was taken."""

    fetched_at: float


class Ended(_Beside):
    """An object is never sent any more."""

    state: Literal["sent", "closed"]
    at: float
    destination: str
    study_uid: str | None = None
    sop_instance_uid: str | None = None
    reason: str | None = None
