"""Which instances a study consists of: of each SOP Instance UID the highest revision; and whether it is annotated."""

from collections.abc import Iterable
from typing import Literal

from handoff.contract.canonical import canonical_digest
from handoff.database.tables import Instance

Truth = Literal["annotated", "unannotated", "dangling"]


def current_instances(instances: Iterable[Instance]) -> list[Instance]:
    """The highest revision of each instance, whatever arrived last; of equal revisions the later arrival."""
    chosen: dict[str, Instance] = {}
    for instance in sorted(instances, key=lambda item: (item.revision, item.id)):
        chosen[instance.sop_instance_uid] = instance
    return list(chosen.values())


def content_digest(instances: Iterable[Instance]) -> str:
    """One digest for what the study holds; equal content is no new version."""
    return canonical_digest(sorted(instance.digest for instance in instances))


def resolves(annotation: Instance, known: set[str]) -> bool:
    """Whether an annotation refers to at least one instance that is here."""
    return not known.isdisjoint(annotation.references)


def truth_of(instances: list[Instance]) -> Truth:
    """Annotated: some annotation refers to an image of the study. Dangling: there are some, and none does."""
    images = {instance.sop_instance_uid for instance in instances if not instance.annotation}
    annotations = [instance for instance in instances if instance.annotation]
    if any(resolves(annotation, images) for annotation in annotations):
        return "annotated"
    return "dangling" if annotations else "unannotated"
