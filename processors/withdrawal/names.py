"""What a patient is called on the research side of a project: pseudonyms of patient and studies, in every key epoch."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from processors.deid.keys import KeyFile
from processors.deid.pseudonyms import patient_pseudonym, pseudonymous_uid
from processors.vault.merges import Person


@dataclass(frozen=True, slots=True)
class Names:
    """Pseudonyms of one patient in one project."""

    patients: frozenset[str]
    studies: frozenset[str]

    @classmethod
    def of(cls, keys: KeyFile, project: str, people: Iterable[Person], studies: Iterable[str]) -> Self:
        """Make them.

        Args:
            keys: of the site.
            project: whose pseudonyms.
            people: the patient by every identity (Patient ID, issuer). PHI.
            studies: their Study Instance UIDs; also those that once went under another identity. PHI.
        """
        epochs, people, studies = keys.epochs(project), list(people), list(studies)
        return cls(
            frozenset(patient_pseudonym(epoch, *each) for epoch in epochs for each in people),
            frozenset(pseudonymous_uid(epoch, uid) for epoch in epochs for uid in studies),
        )

    def has(self, patient: str, study: str | None) -> bool:
        """Whether something that is said of this patient, or of this study, is theirs."""
        return patient in self.patients or study in self.studies
