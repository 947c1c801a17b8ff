"""What lies beside a label document: which import it is a part of, so that a lost ledger can be made anew."""

from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from processors.landing.durable import write_whole
from processors.landing.layout import Layout

IMPORT_FILE: Final = "import.json"
RECEIPT_FILE: Final = "receipt.json"
_WITHDRAWN_FILE: Final = "withdrawn.json"


class ImportedPart(BaseModel):
    """One document of an import; nothing in it is of a patient."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    project: str
    destination: str
    source: str
    revision: int = Field(ge=1)
    content: str = Field(description="Digest of the rows of the whole import.")
    rows: int = Field(ge=1)
    sha256: str
    size: int = Field(ge=1)
    parts: tuple[str, ...] = Field(description="All documents of the import.")

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The part that lies in a folder; None when there is none, or none that can be read."""
        try:
            return cls.model_validate_json((folder / IMPORT_FILE).read_bytes())
        except (OSError, ValidationError):
            return None

    def write(self, folder: Path) -> None:
        """Write it, durably."""
        write_whole(folder / IMPORT_FILE, self.model_dump_json().encode())


def whole_imports(layout: Layout) -> list[ImportedPart]:
    """All parts of those imports of which every document lies here; a crash may have left a part of one.

    A document whose rows were withdrawn was here, and is not told of any more.
    """
    found = [part for folder in layout.label_folders() if (part := ImportedPart.read(folder)) is not None]
    ended = {part.id for part in found if was_withdrawn(layout.labels_of(part.id).parent)}
    there = ended | {part.id for part in found if layout.labels_of(part.id).is_file()}
    return [part for part in found if part.id not in ended and there.issuperset(part.parts)]


def mark_withdrawn(folder: Path) -> None:
    """Note durably that the document of a folder had rows of somebody who took their consent back: it is removed."""
    write_whole(folder / _WITHDRAWN_FILE, b"{}")


def was_withdrawn(folder: Path) -> bool:
    """Whether the document of a folder was removed for a withdrawal."""
    return (folder / _WITHDRAWN_FILE).is_file()
