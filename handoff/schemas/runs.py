"""What a run sees of its files."""

from pydantic import Field

from handoff.contract.document import Document
from handoff.contract.identifiers import Digest, RelativePath


class RunFile(Document):
    """A file of a run's own result, by its path there."""

    path: RelativePath
    size: int = Field(ge=0)


class StoredFile(Document):
    """A file that was stored just now."""

    path: RelativePath
    sha256: Digest
    size: int = Field(ge=0)
