"""The key file, and the keys that each project's pseudonyms are derived from. No key, no start."""

import json
import os
import secrets
import stat
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The one secret of a site: everything keyed is derived from it by HKDF-SHA-256 (RFC 5869)."""

    id: str
    epoch: int
    secret: bytes = field(repr=False)

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
            json.dump({"id": key.id, "epoch": key.epoch, "secret": key.secret.hex()}, file)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        return key

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a key file that only its owner may read.

        Raises:
            KeyFileMissingError: there is none.
            KeyFileTooOpenError: group or others may read or write it.
            KeyFileInvalidError: it holds no key.
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
            key = cls(id=str(written["id"]), epoch=int(written["epoch"]), secret=bytes.fromhex(written["secret"]))
        except (ValueError, TypeError, KeyError):
            # The cause is dropped on purpose: a decoder's message may quote the secret.
            raise KeyFileInvalidError(f"{path} holds no key.") from None
        if len(key.secret) != SECRET_BYTES:
            raise KeyFileInvalidError(f"{path} holds no key of {SECRET_BYTES} bytes.")
        return key

    def derive(self, purpose: str) -> bytes:
        """A key of 32 bytes for one purpose of this epoch; other purposes tell nothing about it."""
        return _derive(self.secret, f"sluice/{self.epoch}/{purpose}")

    def project(self, name: str) -> ProjectKeys:
        """The keys of one project, independent of every other project's."""
        purposes = {purpose: self.derive(f"project/{name}/{purpose}") for purpose in _PURPOSES}
        return ProjectKeys(project=name, epoch=f"{self.id}/{self.epoch}", **purposes)


_PURPOSES = ("uid", "patient", "date", "accession")


@lru_cache(maxsize=256)
def _derive(secret: bytes, info: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=SECRET_BYTES, salt=None, info=info.encode()).derive(secret)
