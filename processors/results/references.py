"""What an object refers to: the instances that it names anywhere, by any sequence."""

from collections.abc import Iterator

from pydicom.dataset import Dataset

from processors.results.reasons import HeldError, Reason

REFERENCED_INSTANCE = 0x00081155


def referenced_instances(dataset: Dataset) -> frozenset[str]:
    """Every Referenced SOP Instance UID (0008,1155) at any level: series, source images, derivations, frames.

    Raises:
        HeldError: there is none.
    """
    found = frozenset(_values(dataset))
    if not found:
        raise HeldError(Reason.NO_REFERENCES)
    return found


def _values(dataset: Dataset) -> Iterator[str]:
    for element in dataset.iterall():
        if element.tag == REFERENCED_INSTANCE:
            yield from (str(value) for value in ([element.value] if element.VM < 2 else element.value) if value)
