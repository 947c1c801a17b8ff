"""Evidence: how an association ended and what it brought, study by study. One file per association; PHI."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from processors.landing.durable import write_whole
from processors.landing.errors import EvidenceUnreadableError
from processors.landing.journal import AssociationFacts


class StudyEvidence(BaseModel):
    """What an association brought of one study."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    acknowledged: int = Field(ge=1, description="Objects answered with Success, duplicates among them.")
    duplicates: int = Field(ge=0, description="Of these, those that were here already.")
    deliveries: tuple[str, ...] = Field(description="In which deliveries the others are, in order of sealing.")


class AssociationEvidence(BaseModel):
    """What an association brought, and how it ended."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    association_id: str
    ending: Literal["released", "aborted", "lost"]
    studies: dict[str, StudyEvidence] = Field(description="By StudyInstanceUID.")
    association: AssociationFacts | None = Field(
        None, description="Who sent; absent if an earlier version wrote it, beside a journal that says it."
    )


def compile_evidence(
    facts: AssociationFacts,
    ending: Literal["released", "aborted", "lost"],
    brought: Iterable[tuple[str, str, int]],
    again: Mapping[str, int],
) -> AssociationEvidence:
    """Count by study.

    Args:
        facts: The association that has ended.
        ending: How.
        brought: Study, delivery and number of instances of each of its deliveries.
        again: How many of its instances were here already, by study.
    """
    kept: dict[str, int] = {}
    deliveries: dict[str, list[str]] = {}
    for study, delivery_id, count in brought:
        kept[study] = kept.get(study, 0) + count
        deliveries.setdefault(study, []).append(delivery_id)
    studies = {
        study: StudyEvidence(
            acknowledged=kept.get(study, 0) + again.get(study, 0),
            duplicates=again.get(study, 0),
            deliveries=tuple(deliveries.get(study, ())),
        )
        for study in sorted({*kept, *again})
    }
    return AssociationEvidence(association_id=facts.id, ending=ending, studies=studies, association=facts)


def write_evidence(path: Path, evidence: AssociationEvidence) -> None:
    """Write the file, durably."""
    write_whole(path, encoded(evidence))


def encoded(evidence: AssociationEvidence) -> bytes:
    """The file's content."""
    return evidence.model_dump_json(exclude_none=True).encode()


def read_evidence(path: Path) -> AssociationEvidence | None:
    """Read the file; None if there is none.

    Raises:
        EvidenceUnreadableError: it is damaged, or a later version wrote it. The message holds no value of the file.
    """
    try:
        return AssociationEvidence.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise EvidenceUnreadableError(f"Evidence {path.name} is damaged ({error.error_count()} faults).") from None


def witnessed(path: Path) -> int:
    """How many acknowledged objects the file tells of; none if there is no file, or none that can be read."""
    try:
        said = read_evidence(path)
    except EvidenceUnreadableError:
        return 0
    return sum(study.acknowledged for study in said.studies.values()) if said else 0
