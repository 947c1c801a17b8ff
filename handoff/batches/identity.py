"""The id of a batch: what it holds and how it is prepared and split, not when, from where or by which release."""

from collections.abc import Iterable, Sequence

from handoff.contract.canonical import canonical_digest, canonical_json
from handoff.contract.labels import LabelValue


def batch_id(
    instances: Iterable[str],
    annotations: Iterable[tuple[str, Iterable[str]]],
    spec_digest: str | None,
    project: str,
    test_percent: int,
    *,
    labels: Iterable[Sequence[LabelValue]] = (),
) -> str:
    """Digest the content; the order of the arguments' items does not matter.

    Args:
        instances: digests of all instances.
        annotations: digest of each annotation, and the UIDs that it refers to.
        spec_digest: digest of the preparing spec, when the batch is meant for one.
        project: what the split is drawn for: the same patients may fall on other sides in another project.
        test_percent: share of the patients that test.
        labels: level, pseudonym of what is labelled, name, source and value of each imported label.
    """
    content = {
        "schema": "sluice.batch/1",
        "instances": sorted(instances),
        "annotations": sorted([digest, sorted(references)] for digest, references in annotations),
        "spec_digest": spec_digest,
        "split": {"by": "patient", "project": project, "test_percent": test_percent},
    }
    said = sorted(canonical_json(label).decode() for label in labels)
    return canonical_digest({**content, "labels": said} if said else content)
