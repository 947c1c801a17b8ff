"""What lies beside a label document: which import it is a part of, so that a lost ledger can be made anew."""

from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from processors.landing.durable import write_whole
from processors.landing.layout import Layout

IMPORT_FILE: Final = "import.json"
RECEIPT_FILE: Final = "receipt.json"


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
    """All parts of those imports of which every document lies here; a crash may have left a part of one."""
    found = [part for folder in layout.label_folders() if (part := ImportedPart.read(folder)) is not None]
    there = {part.id for part in found if layout.labels_of(part.id).is_file()}
    return [part for part in found if there.issuperset(part.parts)]
