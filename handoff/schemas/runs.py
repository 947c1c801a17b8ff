"""What a run sees of its files, and how a step in a cluster gets its run's token."""

from typing import Annotated

from pydantic import Field, StringConstraints

from handoff.contract.document import Document
from handoff.contract.identifiers import Digest, RandomId, RelativePath


class RunFile(Document):
    """A file of a run's own result, by its path there."""

    path: RelativePath
    size: int = Field(ge=0)


class StoredFile(Document):
    """A file that was stored just now."""

    path: RelativePath
    sha256: Digest
    size: int = Field(ge=0)


class RunTokenRequest(Document):
    """Which run a step belongs to."""

    run: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")] = Field(
        description="What the engine calls it."
    )


class RunToken(Document):
    """The token of a run, which ends with it."""

    handoff: RandomId
    token: str = Field(repr=False)
    seconds: float = Field(description="How long it holds at most; ask again then.")
