"""What one may ask of the vault: who is this, which original was that, remember these."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple, Self

from processors.deid.keys import KeyFile
from processors.deid.profile import Profile
from processors.deid.pseudonyms import identity, patient_pseudonym
from processors.vault.cipher import Cipher
from processors.vault.errors import VaultUnreadableError
from processors.vault.identities import STUDY_WITH_TWO_IDENTITIES, unusable
from processors.vault.merges import Merges
from processors.vault.schema import connect

_PROOF = "sluice"


@dataclass(frozen=True, slots=True)
class Identity:
    """One patient in one project, by names that may be shown to people of the project.

    `subject` (S-0001, in order of arrival) is for people's eyes only and never goes into a package.
    """

    project: str
    pseudonym: str
    subject: str


@dataclass(frozen=True, slots=True)
class Held:
    """An identity that a person must decide on: patient-id-empty, patient-id-junk, study-with-two-identities."""

    code: str


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a study is, as it first came; PHI, so printing shows nothing of it."""

    patient_id: str = field(repr=False)
    issuer: str = field(repr=False)
    conflict: bool
    """Whether the study came with two identities."""


class StudyOwner(NamedTuple):
    """Whether a study ever came as a patient's, and whether it came with two identities."""

    theirs: bool
    conflict: bool


class UidRow(NamedTuple):
    """One mapping to remember. `study` is the pseudonymous Study Instance UID that it belongs to."""

    original: str
    pseudonym: str
    study: str = ""

    def __repr__(self) -> str:
        """Without the original."""
        return f"UidRow(pseudonym={self.pseudonym!r}, study={self.study!r})"


class Vault:
    """The open vault, safe to share between threads of one process. Only parents write it, never workers."""

    def __init__(
        self, connection: sqlite3.Connection, key_file: KeyFile, profile: Profile, merges: Callable[[], Merges]
    ) -> None:
        self._connection = connection
        self._key_file = key_file
        self._profile = profile
        self._merges = merges
        self._cipher = Cipher(key_file)
        self._lock = RLock()

    @classmethod
    def open(
        cls,
        path: Path,
        key_file: KeyFile | Path,
        profile: Profile | None = None,
        merges: Callable[[], Merges] = Merges,
    ) -> Self:
        """Open or create the vault (0600).

        Args:
            path: the database.
            key_file: what its columns are sealed with.
            profile: whose list of shared Patient IDs holds; the default profile's when None.
            merges: gives the list of identities that are one patient, as it is now.

        Raises:
            VaultUnreadableError: it is no vault, or cannot be opened or made.
            VaultKeyMismatchError: it was made with another key file.
        """
        keys = key_file if isinstance(key_file, KeyFile) else KeyFile.load(key_file)
        vault = cls(connect(path), keys, profile or Profile.load(), merges)
        try:
            vault._prove()
        except Exception:
            vault.close()
            raise
        return vault

    def _prove(self) -> None:
        """Seal a known word in a new vault; unseal it in an old one."""
        with self._transaction() as connection:
            row = connection.execute("SELECT sealed FROM proof").fetchone()
            if row is None:
                sealed = self._cipher.seal("proof.sealed", b"", _PROOF)
                connection.execute("INSERT INTO proof (id, sealed) VALUES (1, ?)", (sealed,))
            else:
                self._cipher.unseal("proof.sealed", b"", row[0])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException as error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise VaultUnreadableError("The vault cannot be written.") from error
                raise

    def identify(self, project: str, patient_id: str, issuer: str, study_uid: str) -> Identity | Held:
        """Who this is in the project, remembered; or why a person must look first.

        A study that ever came with two identities is held from then on, under either, until they are joined.

        Raises:
            MergeListError: the list of what is joined cannot be used.
        """
        group = self._merges().group(patient_id, issuer)
        if code := unusable(patient_id, self._profile) or unusable(group[0][0], self._profile):
            return Held(code)
        mine = {self._cipher.lookup("identity", identity(*each).decode()) for each in group}
        came = self._cipher.lookup("identity", identity(patient_id, issuer).decode())
        patient_id, issuer = group[0]
        person = self._cipher.lookup("identity", identity(patient_id, issuer).decode())
        study = self._cipher.lookup("study", study_uid.strip(" \0"))
        with self._transaction() as connection:
            self._remember(connection, person, patient_id, issuer)
            connection.execute("INSERT OR IGNORE INTO studies (lookup, identity) VALUES (?, ?)", (study, person))
            if self._has_two(connection, study, came, mine):
                return Held(STUDY_WITH_TWO_IDENTITIES)
            pseudonym = patient_pseudonym(self._key_file.project(project), patient_id, issuer)
            return Identity(project, pseudonym, f"S-{self._subject(connection, project, person, pseudonym):04d}")

    @staticmethod
    def _has_two(connection: sqlite3.Connection, study: bytes, came: bytes, mine: set[bytes]) -> bool:
        """Whether a study came with identities that are not all one patient's, with `came` among them."""
        connection.execute("INSERT OR IGNORE INTO study_identities (study, identity) VALUES (?, ?)", (study, came))
        rows = connection.execute("SELECT identity FROM study_identities WHERE study = ?", (study,))
        all_that_came = {row[0] for row in rows}
        conflict = connection.execute("SELECT conflict FROM studies WHERE lookup = ?", (study,)).fetchone()[0]
        two = not all_that_came <= mine or bool(conflict and len(all_that_came) < 2)  # whose the other was is not known
        if two != bool(conflict):
            connection.execute("UPDATE studies SET conflict = ? WHERE lookup = ?", (two, study))
        return two

    def _remember(self, connection: sqlite3.Connection, person: bytes, patient_id: str, issuer: str) -> None:
        if connection.execute("SELECT 1 FROM identities WHERE lookup = ?", (person,)).fetchone():
            return
        sealed = (
            self._cipher.seal("identities.patient_id", person, patient_id.strip(" \0")),
            self._cipher.seal("identities.issuer", person, issuer.strip(" \0")),
        )
        connection.execute("INSERT INTO identities (lookup, patient_id, issuer) VALUES (?, ?, ?)", (person, *sealed))

    def _subject(self, connection: sqlite3.Connection, project: str, person: bytes, pseudonym: str) -> int:
        """The number of a person in a project, the next free one at first sight."""
        connection.execute(
            "INSERT INTO subjects (identity, project, number, pseudonym)"
            " SELECT ?1, ?2, coalesce(max(number), 0) + 1, ?3 FROM subjects WHERE project = ?2"
            " ON CONFLICT (project, identity) DO NOTHING",
            (person, project, pseudonym),
        )
        connection.execute(
            "INSERT OR IGNORE INTO pseudonyms (project, pseudonym, identity) VALUES (?, ?, ?)",
            (project, pseudonym, person),
        )
        number: int = connection.execute(
            "SELECT number FROM subjects WHERE project = ? AND identity = ?", (project, person)
        ).fetchone()[0]
        return number

    def studies_of(self, people: Iterable[tuple[str, str]], among: Iterable[str]) -> dict[str, StudyOwner]:
        """What is known of these original studies, seen from one patient; those never identified are left out.

        Args:
            people: the patient by every identity (Patient ID, issuer).
            among: Study Instance UIDs.
        """
        mine = {self._cipher.lookup("identity", identity(*each).decode()) for each in people}
        with self._lock:
            rows = self._connection.execute("SELECT lookup, identity, conflict FROM studies").fetchall()
            all_that_came = self._connection.execute("SELECT study, identity FROM study_identities").fetchall()
        as_mine = {study for study, came in all_that_came if came in mine}  # also what was joined with another then
        known = {row[0]: StudyOwner(row[1] in mine or row[0] in as_mine, bool(row[2])) for row in rows}
        asked = {uid: self._cipher.lookup("study", uid.strip(" \0")) for uid in among}
        return {uid: known[lookup] for uid, lookup in asked.items() if lookup in known}

    def subjects_of(self, patient_id: str, issuer: str) -> dict[str, str]:
        """Project: what people of it call this patient (S-0001)."""
        person = self._cipher.lookup("identity", identity(patient_id, issuer).decode())
        with self._lock:
            rows = self._connection.execute("SELECT project, number FROM subjects WHERE identity = ?", (person,))
            return {project: f"S-{number:04d}" for project, number in sorted(rows)}

    def subjects(self, project: str) -> list[tuple[str, str]]:
        """(S-0001, pseudonym) of everybody in a project, by number; a subject has a pseudonym in each key epoch."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT s.number, p.pseudonym FROM subjects s JOIN pseudonyms p ON p.project = s.project"
                " AND p.identity = s.identity WHERE s.project = ? ORDER BY s.number, p.pseudonym",
                (project,),
            )
            return [(f"S-{number:04d}", pseudonym) for number, pseudonym in rows]

    def subject(self, project: str, number: int) -> Owner | None:
        """Who a project's subject of this number is; None when there is none. PHI."""
        with self._lock:
            row = self._connection.execute(
                "SELECT i.lookup, i.patient_id, i.issuer FROM subjects s JOIN identities i ON i.lookup = s.identity"
                " WHERE s.project = ? AND s.number = ?",
                (project, number),
            ).fetchone()
        if row is None:
            return None
        unseal, key = self._cipher.unseal, row[0]
        return Owner(
            unseal("identities.patient_id", key, row[1]), unseal("identities.issuer", key, row[2]), conflict=False
        )

    def withdraw(self, patient_id: str, issuer: str, project: str | None) -> bool:
        """Remember that a patient took their consent back, in one project or (None) everywhere; False if known."""
        key = self._withdrawn(patient_id, issuer, project)
        with self._transaction() as connection:
            return connection.execute("INSERT OR IGNORE INTO withdrawn (lookup) VALUES (?)", (key,)).rowcount > 0

    def is_withdrawn(self, patient_id: str, issuer: str, project: str) -> bool:
        """Whether a patient took their consent back, here or everywhere."""
        keys = [self._withdrawn(patient_id, issuer, each) for each in (project, None)]
        with self._lock:
            row = self._connection.execute("SELECT 1 FROM withdrawn WHERE lookup IN (?, ?)", keys).fetchone()
        return row is not None

    def _withdrawn(self, patient_id: str, issuer: str, project: str | None) -> bytes:
        return self._cipher.lookup("withdrawn", identity(patient_id, issuer).decode(), project or "*")

    def owner_of(self, study_uid: str) -> Owner | None:
        """Whose an original study is, without remembering anything; None when it was never identified. PHI."""
        study = self._cipher.lookup("study", study_uid.strip(" \0"))
        with self._lock:
            row = self._connection.execute(
                "SELECT i.lookup, i.patient_id, i.issuer, s.conflict FROM studies s"
                " JOIN identities i ON i.lookup = s.identity WHERE s.lookup = ?",
                (study,),
            ).fetchone()
        if row is None:
            return None
        unseal, key = self._cipher.unseal, row[0]
        return Owner(
            unseal("identities.patient_id", key, row[1]), unseal("identities.issuer", key, row[2]), bool(row[3])
        )

    def patient_of(self, project: str, pseudonym: str) -> tuple[str, str] | None:
        """(Patient ID, issuer) behind a patient's pseudonym of any key epoch; PHI."""
        with self._lock:
            row = self._connection.execute(
                "SELECT i.lookup, i.patient_id, i.issuer FROM pseudonyms p JOIN identities i ON i.lookup = p.identity"
                " WHERE p.project = ? AND p.pseudonym = ?",
                (project, pseudonym),
            ).fetchone()
        if row is None:
            return None
        unseal = self._cipher.unseal
        return unseal("identities.patient_id", row[0], row[1]), unseal("identities.issuer", row[0], row[2])

    def record(self, project: str, rows: Iterable[UidRow | tuple[str, str] | tuple[str, str, str]]) -> int:
        """Remember (original, pseudonym, pseudonymous study) in one transaction; how many were new."""
        cipher = self._cipher
        prepared = {}
        for row in map(UidRow._make, (tuple(row) if len(row) > 2 else (*row, "") for row in rows)):
            key = cipher.lookup("uid", project, row.pseudonym)
            prepared[key] = (cipher.lookup("study-pseudonym", project, row.study), row)
        with self._transaction() as connection:
            before = connection.total_changes
            connection.executemany(
                "INSERT OR IGNORE INTO uids (lookup, study, original, pseudonym) VALUES (?, ?, ?, ?)",
                (
                    (
                        key,
                        study,
                        cipher.seal("uids.original", key, row.original),
                        cipher.seal("uids.pseudonym", key, row.pseudonym),
                    )
                    for key, (study, row) in prepared.items()
                ),
            )
            return connection.total_changes - before

    def remember_study(self, study_uid: str, facts: Mapping[str, Any]) -> None:
        """Keep what the originals of a study say of patient and study (DICOM JSON); the latest word holds."""
        key = self._cipher.lookup("study-facts", study_uid.strip(" \0"))
        text = json.dumps(facts, sort_keys=True, ensure_ascii=False)
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO study_facts (lookup, facts) VALUES (?1, ?2) ON CONFLICT (lookup) DO UPDATE SET facts = ?2",
                (key, self._cipher.seal("study_facts.facts", key, text)),
            )

    def study_facts(self, study_uid: str) -> dict[str, Any] | None:
        """What the originals of a study say of patient and study, as DICOM JSON; PHI."""
        key = self._cipher.lookup("study-facts", study_uid.strip(" \0"))
        with self._lock:
            row = self._connection.execute("SELECT facts FROM study_facts WHERE lookup = ?", (key,)).fetchone()
        if row is None:
            return None
        facts: dict[str, Any] = json.loads(self._cipher.unseal("study_facts.facts", key, row[0]))
        return facts

    def original_of(self, project: str, pseudonym_uid: str) -> str | None:
        """The original UID of a pseudonymous one; PHI."""
        key = self._cipher.lookup("uid", project, pseudonym_uid)
        with self._lock:
            row = self._connection.execute("SELECT original FROM uids WHERE lookup = ?", (key,)).fetchone()
        return self._cipher.unseal("uids.original", key, row[0]) if row else None

    def instances_of_study(self, project: str, study_pseudonym: str) -> Sequence[tuple[str, str]]:
        """(original, pseudonym) of all that was recorded under a pseudonymous study; PHI."""
        study = self._cipher.lookup("study-pseudonym", project, study_pseudonym)
        with self._lock:
            rows = self._connection.execute(
                "SELECT lookup, original, pseudonym FROM uids WHERE study = ?", (study,)
            ).fetchall()
        unseal = self._cipher.unseal
        return sorted(
            (unseal("uids.original", key, original), unseal("uids.pseudonym", key, pseudonym))
            for key, original, pseudonym in rows
        )

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
