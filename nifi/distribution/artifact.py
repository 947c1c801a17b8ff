"""The artifacts that NiFi and its Registry are assembled from, read from the committed locks."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from nifi.errors import LockError, WrongHashError

PLACES = ("lib", "python", "python-api", "standard-nar")
"""Where an artifact goes; see the head of `artifacts.yaml`."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file of a Maven repository, with the bytes that it must have."""

    group: str
    name: str
    version: str
    packaging: str
    classifier: str
    size: int
    sha256: str
    place: str

    @property
    def filename(self) -> str:
        """The file's name in a Maven repository."""
        classifier = f"-{self.classifier}" if self.classifier else ""
        return f"{self.name}-{self.version}{classifier}.{self.packaging}"

    @property
    def path(self) -> str:
        """The file's path in a Maven repository."""
        return f"{self.group.replace('.', '/')}/{self.name}/{self.version}/{self.filename}"

    def verify(self, file: Path) -> None:
        """Compare the file with the lock.

        Raises:
            WrongHashError: its SHA-256 is another.
        """
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != self.sha256:
            message = f"{self.filename} has SHA-256 {digest[:16]}…, the lock says {self.sha256[:16]}…."
            raise WrongHashError(message)


@dataclass(frozen=True, slots=True)
class Lock:
    """All artifacts of one version of a product."""

    version: str
    artifacts: tuple[Artifact, ...]
    digest: str
    product: str = "Apache NiFi"

    @property
    def folder(self) -> str:
        """Name of the folder that is assembled from it."""
        return f"{self.product.removeprefix('Apache ').replace(' ', '-').lower()}-{self.version}-{self.digest[:12]}"

    def placed(self, place: str) -> tuple[Artifact, ...]:
        """The artifacts that go to one place."""
        return tuple(artifact for artifact in self.artifacts if artifact.place == place)

    @property
    def size(self) -> int:
        """Bytes to download when nothing is there yet."""
        return sum(artifact.size for artifact in self.artifacts)


def read_lock(text: str | None = None) -> Lock:
    """Read NiFi's committed lock, or the given text of one.

    Raises:
        LockError: it is no YAML, lacks a key, or names the same file twice.
    """
    if text is None:
        text = _committed("artifacts.yaml")
    try:
        written = yaml.safe_load(text)
        product, version = str(written["product"]), str(written["version"])
        places = {"lib": written["lib"]} | {place: written.get(place, []) for place in PLACES[1:]}
        artifacts = tuple(_artifact(place, entry) for place, entries in places.items() for entry in entries)
    except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        message = f"The artifact lock cannot be used: {error!r}."
        raise LockError(message) from error
    names = [artifact.filename for artifact in artifacts]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        message = f"The artifact lock names {twice[0]} twice."
        raise LockError(message)
    return Lock(version, artifacts, hashlib.sha256(text.encode()).hexdigest(), product)


def read_registry_lock() -> Lock:
    """Read the committed lock of NiFi Registry.

    Raises:
        LockError: as for NiFi's.
    """
    return read_lock(_committed("registry-artifacts.yaml"))


def _committed(name: str) -> str:
    return (files("nifi.distribution") / name).read_text("utf-8")


def _artifact(place: str, entry: dict[str, Any]) -> Artifact:
    group, name, version, packaging, *classifier = entry["artifact"].split(":")
    digest = entry["sha256"]
    if len(bytes.fromhex(digest)) != hashlib.sha256().digest_size:
        message = f"{entry['artifact']} has no SHA-256"
        raise ValueError(message)
    return Artifact(
        group, name, version, packaging, classifier[0] if classifier else "", int(entry["bytes"]), digest, place
    )
