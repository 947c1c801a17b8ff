"""The id of a batch: what it holds and how it is prepared and split, not when, from where or by which release."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from handoff.contract.canonical import canonical_json
from handoff.contract.labels import LabelValue

SCHEMA = "sluice.batch/1"


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
    drawn = sorted([digest, sorted(references)] for digest, references in annotations)
    said = sorted(label_text(label) for label in labels)
    return streamed_batch_id(
        sorted(instances), drawn, said, spec_digest=spec_digest, project=project, test_percent=test_percent
    )


def streamed_batch_id(
    instances: Iterable[str],
    annotations: Iterable[Sequence[object]],
    labels: Iterable[str],
    *,
    spec_digest: str | None,
    project: str,
    test_percent: int,
) -> str:
    """The same of items that come sorted, one at a time: no more than one of them is held.

    The bytes are those of `canonical_json`: keys in order, and no `labels` where there is none.
    """
    digest = hashlib.sha256(b'{"annotations":[')
    for part in _joined(annotations):
        digest.update(part)
    digest.update(b'],"instances":[')
    for part in _joined(instances):
        digest.update(part)
    digest.update(b"],")
    opened = False
    for part in _joined(labels):
        digest.update(part if opened else b'"labels":[' + part)
        opened = True
    rest = {"schema": SCHEMA, "spec_digest": spec_digest}
    split = {"by": "patient", "project": project, "test_percent": test_percent}
    digest.update((b"]," if opened else b"") + canonical_json({**rest, "split": split})[1:])
    return digest.hexdigest()


def label_text(label: Sequence[LabelValue]) -> str:
    """A label as it is sorted and digested."""
    return canonical_json(label).decode()


def _joined(items: Iterable[object]) -> Iterator[bytes]:
    first = True
    for item in items:
        yield canonical_json(item) if first else b"," + canonical_json(item)
        first = False
