"""The research home: where everything of the handoff lies, and what its first start makes."""

import contextlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from handoff.errors import StartError
from handoff.store.durable import fsync_folder


@dataclass(frozen=True, slots=True)
class ResearchHome:
    """Paths below `<home>/research`. The database, keys and tokens are never given to a run."""

    root: Path

    @classmethod
    def of(cls, home: Path) -> "ResearchHome":
        """The research part of a home."""
        return cls(Path(home).resolve() / "research")

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.root / "handoff.db"

    @property
    def store(self) -> Path:
        """Packages, batches and pipelines."""
        return self.root / "store"

    @property
    def results(self) -> Path:
        """One folder per handoff key: what runs leave."""
        return self.root / "results"

    @property
    def runs(self) -> Path:
        """One folder per handoff key: where runs happen."""
        return self.root / "runs"

    @property
    def kubeflow(self) -> Path:
        """Pipelines as they were sent to a cluster, by their digest, and what its runs were like."""
        return self.root / "kubeflow"

    @property
    def receipt_key(self) -> Path:
        """The Ed25519 key that signs receipts."""
        return self.root / "keys" / "receipt.key"

    @property
    def intake_token(self) -> Path:
        """The token of what delivers."""
        return self.root / "token"

    @property
    def api_token(self) -> Path:
        """The token of people and programs."""
        return self.root / "api-token"

    @property
    def url(self) -> Path:
        """Where the service listened last."""
        return self.root / "url"

    def note_url(self, scheme: str, host: str, port: int) -> None:
        """Write down where the service listens, as whoever is on this machine calls it."""
        here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
        named = f"[{here}]" if ":" in here else here
        self.url.write_text(f"{scheme}://{named}:{port}\n", "ascii")

    def make(self) -> None:
        """Make what is missing.

        Raises:
            StartError: the folder cannot be written.
        """
        try:
            for folder in (self.root, self.store, self.results, self.runs, self.receipt_key.parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for token in (self.intake_token, self.api_token):
                if not token.exists():
                    write_secret(token, secrets.token_urlsafe(32).encode() + b"\n")
        except OSError as error:
            message = f"{self.root} cannot be written ({error.strerror})."
            raise StartError(message, code="home", remedy="Choose another --home or mend its rights.") from error


def write_secret(file: Path, content: bytes) -> None:
    """Write a file that only its owner may read, durably; it is there whole or not at all, and a file there stays.

    Of two services that start on one new home the first one's secret is that of both.
    """
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    try:
        with contextlib.suppress(FileExistsError):
            os.link(temporary, file)
    finally:
        temporary.unlink()
    fsync_folder(file.parent)
