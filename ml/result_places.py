"""Where a result lies that is not on this machine. Names are paths below it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import obstore
from obstore.store import S3Store

from ml.handoff_files import HandoffFiles

_PART = 8 << 20


class ResultPlace(Protocol):
    """A result elsewhere."""

    def names(self) -> list[str]:
        """Its files."""

    def fetch(self, name: str, file: Path) -> None:
        """Copy one here."""

    def has(self, name: str) -> bool:
        """Whether there is such a file."""

    def put(self, name: str, file: Path) -> None:
        """Store a file, in place of one that is there."""

    def remove(self, name: str) -> None:
        """Remove one."""


@dataclass(frozen=True, slots=True)
class S3Result:
    """The objects below a prefix."""

    store: S3Store
    prefix: str

    def names(self) -> list[str]:
        """By pages."""
        entries = [entry for page in obstore.list(self.store, prefix=self.prefix) for entry in page]
        return [entry["path"].removeprefix(f"{self.prefix}/") for entry in entries]

    def fetch(self, name: str, file: Path) -> None:
        """In parts."""
        with file.open("wb") as stream:
            for block in obstore.get(self.store, f"{self.prefix}/{name}").stream(min_chunk_size=_PART):
                stream.write(block)

    def has(self, name: str) -> bool:
        """By its head."""
        try:
            obstore.head(self.store, f"{self.prefix}/{name}")
        except FileNotFoundError:
            return False
        return True

    def put(self, name: str, file: Path) -> None:
        """In parts, where it is large."""
        obstore.put(self.store, f"{self.prefix}/{name}", file, chunk_size=_PART, max_concurrency=4)

    def remove(self, name: str) -> None:
        """Delete the object."""
        obstore.delete(self.store, f"{self.prefix}/{name}")


@dataclass(frozen=True, slots=True)
class HandoffResult:
    """The result of this run at its handoff."""

    files: HandoffFiles
    path: str

    def names(self) -> list[str]:
        """By pages."""
        return self.files.names()

    def fetch(self, name: str, file: Path) -> None:
        """Streamed."""
        with file.open("w+b") as stream:
            self.files.fetch(f"{self.path}/{name}", stream)

    def has(self, name: str) -> bool:
        """By its head."""
        return self.files.has(f"{self.path}/{name}")

    def put(self, name: str, file: Path) -> None:
        """Streamed, with its digest."""
        self.files.put(f"{self.path}/{name}", file)

    def remove(self, name: str) -> None:
        """Harmless when it is absent."""
        self.files.remove(f"{self.path}/{name}")
