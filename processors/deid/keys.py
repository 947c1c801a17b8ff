"""The key file, and the keys that each project's pseudonyms are derived from. No key, no start."""

import json
import os
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from processors.deid.errors import (
    KeyFileExistsError,
    KeyFileInvalidError,
    KeyFileMissingError,
    KeyFileTooOpenError,
    KeyFileUnwritableError,
)
from processors.deid.wrapping import unwrap, wrap, wrapping_key

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class ProjectKeys:
    """What pseudonyms of one project in one key epoch are made with; shows no secret when printed."""

    project: str
    epoch: str
    uid: bytes = field(repr=False)
    patient: bytes = field(repr=False)
    date: bytes = field(repr=False)
    accession: bytes = field(repr=False)
    joins: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)
    """Identities that go under another one, with it; few, as they are those of one delivery. PHI."""


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The one secret of a site: everything keyed is derived from it by HKDF-SHA-256 (RFC 5869)."""

    id: str
    epoch: int
    secret: bytes = field(repr=False)
    projects: tuple[tuple[str, int], ...] = ()
    """Epochs of projects that have had more than one."""
    provider: tuple[str, ...] = field(default=(), repr=False)
    """The command that prints the key by which the secret is wrapped in the file; empty when it lies there itself."""

    @classmethod
    def create(cls, path: Path) -> Self:
        """Write a new random key to `path` with mode 0600.

        Raises:
            KeyFileExistsError: something is there already.
            KeyFileUnwritableError: the disk or the permissions do not allow it.
        """
        key = cls(id=secrets.token_hex(4), epoch=1, secret=secrets.token_bytes(SECRET_BYTES))
        path = Path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            if path.exists():
                raise KeyFileExistsError(f"{path} exists already, and a key is never overwritten.") from error
            raise KeyFileUnwritableError(f"The key file {path} cannot be written: {error.strerror}.") from error
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key._written())
            file.flush()
            os.fsync(file.fileno())
        return key

    def save(self, path: Path) -> None:
        """Put this in the place of a key file of the same id, at once and durably (0600).

        Raises:
            KeyFileUnwritableError: the disk or the permissions do not allow it; the old file is whole.
            KeyProviderError: the secret is to be wrapped, and the provider gives no key.
        """
        text, part = self._written(), path.with_name(f".{path.name}.new")
        try:
            part.unlink(missing_ok=True)
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise KeyFileUnwritableError(f"The key file {path} cannot be written: {error.strerror}.") from error

    def _written(self) -> str:
        said: dict[str, object] = {"id": self.id, "epoch": self.epoch}
        if self.provider:
            sealed = wrap(self.secret, wrapping_key(self.provider), self.id)
            said |= {"wrapped": sealed.hex(), "unwrap": list(self.provider)}
        else:
            said["secret"] = self.secret.hex()
        if self.projects:
            said["projects"] = dict(self.projects)
        return json.dumps(said) + "\n"

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a key file that only its owner may read.

        Raises:
            KeyFileMissingError: there is none.
            KeyFileTooOpenError: group or others may read or write it.
            KeyFileInvalidError: it holds no key.
            KeyProviderError: its secret is wrapped, and the provider gives no key, or not the one.
        """
        path = Path(path)
        try:
            mode = path.stat().st_mode
            text = path.read_text("ascii")
        except FileNotFoundError as error:
            raise KeyFileMissingError(f"There is no key file {path}, and without a key nothing starts.") from error
        except (OSError, UnicodeDecodeError) as error:
            raise KeyFileInvalidError(f"{path} cannot be read as a key file.") from error
        if stat.S_IMODE(mode) & 0o077:
            raise KeyFileTooOpenError(f"The key file {path} can be read by others than its owner.")
        return cls._parse(text, path)

    @classmethod
    def _parse(cls, text: str, path: Path) -> Self:
        try:
            written = json.loads(text)
            provider = tuple(str(part) for part in written.get("unwrap", ()))
            sealed = bytes.fromhex(written["wrapped"] if provider else written["secret"])
            name, epochs = str(written["id"]), written.get("projects", {})
            secret = unwrap(sealed, wrapping_key(provider), name) if provider else sealed
            key = cls(name, int(written["epoch"]), secret, _epochs(epochs), provider)
        except (ValueError, TypeError, KeyError, AttributeError):
            # The cause is dropped on purpose: a decoder's message may quote the secret.
            raise KeyFileInvalidError(f"{path} holds no key.") from None
        if len(key.secret) != SECRET_BYTES:
            raise KeyFileInvalidError(f"{path} holds no key of {SECRET_BYTES} bytes.")
        return key

    def derive(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose of this epoch; other purposes tell nothing about it."""
        return _derive(self.secret, f"sluice/{self.epoch}/{purpose}")

    def epoch_of(self, project: str) -> int:
        """The key epoch in which new treatments of a project are."""
        return dict(self.projects).get(project, self.epoch)

    def project(self, name: str, key_epoch: str = "") -> ProjectKeys:
        """The keys of one project, independent of every other project's and of its own in another epoch.

        Args:
            name: of the project.
            key_epoch: as a pinned treatment names it; the project's present one when empty, or of another key file.
        """
        file, _, number = key_epoch.rpartition("/")
        epoch = int(number) if file == self.id and number.isdecimal() else self.epoch_of(name)
        uid, patient, date, accession = (
            _derive(self.secret, f"sluice/{epoch}/project/{name}/{purpose}") for purpose in _PURPOSES
        )
        return ProjectKeys(name, f"{self.id}/{epoch}", uid, patient, date, accession)

    def epochs(self, name: str) -> list[ProjectKeys]:
        """The keys of a project in each epoch that it has had, the present one last."""
        return [self.project(name, f"{self.id}/{epoch}") for epoch in range(self.epoch, self.epoch_of(name) + 1)]

    def begin_epoch(self, project: str) -> Self:
        """The same key, with the next epoch of one project; every other project, and the vault, stay as they are."""
        epochs = {**dict(self.projects), project: self.epoch_of(project) + 1}
        return replace(self, projects=tuple(sorted(epochs.items())))

    def wrapped_by(self, provider: Sequence[str]) -> Self:
        """The same key, its secret wrapped by what this command prints; by nothing when it is empty."""
        return replace(self, provider=tuple(provider))


def _epochs(written: dict[str, int]) -> tuple[tuple[str, int], ...]:
    epochs = tuple(sorted((str(name), int(number)) for name, number in written.items()))
    if any(number < 1 for _, number in epochs):
        raise ValueError
    return epochs


_PURPOSES = ("uid", "patient", "date", "accession")


@lru_cache(maxsize=256)
def _derive(secret: bytes, info: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=SECRET_BYTES, salt=None, info=info.encode()).derive(secret)
