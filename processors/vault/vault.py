"""What one may ask of the vault: who is this, which original was that, remember these."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Self

from processors.deid.keys import KeyFile

Level = Literal["study", "series", "instance", "frame-of-reference", "other"]


@dataclass(frozen=True, slots=True)
class Identity:
    """One patient in one project, by names that may be shown to people of the project."""

    project: str
    pseudonym: str
    subject: str


@dataclass(frozen=True, slots=True)
class Held:
    """An identity that a person must decide on: patient-id-empty, patient-id-junk, study-with-two-identities."""

    code: str


class UidRow(NamedTuple):
    """One mapping to remember. `study` is the pseudonymous Study Instance UID that it belongs to."""

    original: str
    pseudonym: str
    study: str = ""


class Vault:
    """The open vault; use from one thread. Only parents write it, never workers."""

    @classmethod
    def open(cls, path: Path, key_file: KeyFile | Path) -> Self:
        """Open or create the vault (0600)."""
        raise NotImplementedError

    def identify(self, project: str, patient_id: str, issuer: str, study_uid: str) -> Identity | Held:
        """Who this is in the project, remembered; or why a person must look first."""
        raise NotImplementedError

    def record(self, project: str, rows: Iterable[UidRow | tuple[str, str] | tuple[str, str, str]]) -> int:
        """Remember mappings in one transaction; returns how many were new."""
        raise NotImplementedError

    def original_of(self, project: str, pseudonym_uid: str) -> str | None:
        """The original UID of a pseudonymous one."""
        raise NotImplementedError

    def instances_of_study(self, project: str, study_pseudonym: str) -> Sequence[tuple[str, str]]:
        """(original, pseudonym) of all that was recorded under a pseudonymous study."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the database."""
        raise NotImplementedError
